package runtime

import (
	"context"
	"time"
)

const (
	firstPause = 3 * time.Millisecond
	briefPause = 50 * time.Millisecond
	// eager is how long probes come every briefPause: most apps are up by then.
	eager = 10 * time.Second
)

// pace spaces probes: at first almost without a pause, so that gating adds no idle wait to a fast start, then
// every 50 ms (SPEC section 4), then ever more slowly up to the retry period.
type pace struct{ pause, longest time.Duration }

func newPace(longest time.Duration) *pace { return &pace{pause: firstPause, longest: longest} }

// next is how long to wait before the next probe, elapsed after the first.
func (p *pace) next(elapsed time.Duration) time.Duration {
	now := min(p.pause, p.longest)
	switch {
	case p.pause < briefPause:
		p.pause = min(p.pause*3/2, briefPause)
	case elapsed >= eager:
		p.pause = p.pause * 5 / 4
	}
	return now
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
