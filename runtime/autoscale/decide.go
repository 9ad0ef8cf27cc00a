package autoscale

import (
	"fmt"
	"math"
	"time"

	"csph/platform"
)

const (
	// tolerance is how far the use may be off the target, as a share of it, before anything changes: without it, counts
	// would follow noise (as that of Kubernetes' HorizontalPodAutoscaler).
	tolerance = 0.1
	// fastest is how many times as many spherelets there may be after one step up.
	fastest = 2
	// slack keeps a sum that is a whole number but for rounding from becoming the next one.
	slack = 1e-9
)

// Seen is what is known of a service's spherelets at one moment.
type Seen struct {
	Count int // as many as there should be
	// Uses are those of the spherelets that are ready and past their start, in percent of the vCPU of their shape. What
	// the others use says nothing of the load yet.
	Uses []float64
}

// Advice is the count that one look at a service has come to.
type Advice struct {
	At    time.Time
	Count int
}

// Decision is how many spherelets there should be from now on.
type Decision struct {
	Count int
	Why   string // for a person; empty when the count stays
}

// Decide says how many spherelets there should be, and keeps the advice that the next decision needs. It is pure: now is
// the time of seen, past the advice that the decision before has returned, nil for the first.
//
// The count goes up at once, by no more than double, and down only to the most that was advised in the time downAfter.
func Decide(p platform.Autoscale, seen Seen, now time.Time, downAfter time.Duration, past []Advice) (Decision, []Advice) {
	if len(past) == 0 {
		past = []Advice{{now, seen.Count}} // what there is has been somebody's advice, too
	}
	advice := p.Within(wanted(float64(p.CPU), seen))
	past = recent(append(past, Advice{now, advice}), now.Add(-downAfter))
	count := p.Within(steady(seen.Count, advice, past))
	return Decision{Count: count, Why: why(p, seen, count)}, past
}

// wanted is the count with which the load that is seen would be as much as the target for each.
func wanted(target float64, seen Seen) int {
	if len(seen.Uses) == 0 {
		return seen.Count
	}
	count, enough := float64(seen.Count), sum(seen.Uses)/target
	unknown := math.Max(0, count-float64(len(seen.Uses)))
	switch ratio := enough / float64(len(seen.Uses)); {
	case ratio > 1+tolerance:
		// Those that are not seen yet may take the load that is too much: they count as idle.
		if enough <= count*(1+tolerance) {
			return seen.Count
		}
		return min(up(enough), fastest*seen.Count)
	case ratio < 1-tolerance:
		// Those that are not seen yet may turn out to be needed: they count as used as wanted.
		if enough+unknown >= count*(1-tolerance) {
			return seen.Count
		}
		return max(1, up(enough+unknown))
	}
	return seen.Count
}

func up(f float64) int { return int(math.Ceil(f - slack)) }

func sum(all []float64) (s float64) {
	for _, f := range all {
		s += f
	}
	return s
}

// steady lets the count go down no further than to the most of the recent advice.
func steady(count, advice int, recent []Advice) int {
	if advice >= count {
		return advice
	}
	for _, a := range recent {
		advice = max(advice, a.Count)
	}
	return min(advice, count)
}

// recent is the advice since a time.
func recent(all []Advice, since time.Time) []Advice {
	for len(all) > 0 && all[0].At.Before(since) {
		all = all[1:]
	}
	return all
}

// why says what a change follows from.
func why(p platform.Autoscale, seen Seen, count int) string {
	switch {
	case count == seen.Count:
		return ""
	case seen.Count < p.Min:
		return fmt.Sprintf("%d is the least", p.Min)
	case seen.Count > p.Max:
		return fmt.Sprintf("%d is the most", p.Max)
	}
	use := sum(seen.Uses) / float64(len(seen.Uses))
	if count > seen.Count {
		return fmt.Sprintf("CPU at %.0f %%, over %d %%", use, p.CPU)
	}
	return fmt.Sprintf("CPU at %.0f %%, under %d %%", use, p.CPU)
}
