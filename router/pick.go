package router

import (
	"math/rand/v2"
	"slices"
)

// sample is how many targets are compared when a route has more.
const sample = 16

// pick chooses the least loaded target that is not among failed, one that is set aside only when all
// are; nil when none is left.
func (x *route) pick(now int64, failed []*target) *target {
	n := len(x.targets)
	switch {
	case n == 0:
		return nil
	case n == 1 && len(failed) == 0:
		return x.targets[0]
	}
	start := rand.IntN(n)
	if best := x.least(start, min(n, sample), now, failed); best != nil && !best.aside(now) {
		return best
	}
	return x.least(start, n, now, failed)
}

// least looks at count targets from start on.
func (x *route) least(start, count int, now int64, failed []*target) (best *target) {
	var bestWeight int64
	bestAside := false
	for i := range count {
		t := x.targets[(start+i)%len(x.targets)]
		if slices.Contains(failed, t) {
			continue
		}
		weight, aside := t.weight(), t.aside(now)
		if best == nil || bestAside && !aside || bestAside == aside && weight < bestWeight {
			best, bestWeight, bestAside = t, weight, aside
		}
	}
	return best
}
