package runtime

import (
	"context"
	"time"

	"csph/platform"
)

const (
	shortestPause = 2 * time.Millisecond
	briefPause    = 50 * time.Millisecond
	// eager is how long probes come every briefPause: most apps are up by then.
	eager = 10 * time.Second
)

// pace spaces probes: at first by a tenth of the time that has passed, so that gating adds next to nothing to
// a fast start, then every 50 ms (SPEC section 4), then ever more slowly up to the retry period.
type pace struct{ pause, shortest, longest time.Duration }

func newPace(longest time.Duration) *pace {
	return &pace{pause: briefPause, shortest: shortestPause, longest: longest}
}

// commandPause is the shortest between two commands in a spherelet: each is a process to be made.
const commandPause = 250 * time.Millisecond

// paceOf spaces the tries of a check.
func paceOf(check *platform.Check, longest time.Duration) *pace {
	p := newPace(longest)
	if check != nil && check.Exec != "" {
		p.pause, p.shortest = commandPause, commandPause
	}
	return p
}

// next is how long to wait before the next probe, elapsed after the first.
func (p *pace) next(elapsed time.Duration) time.Duration {
	if elapsed < eager {
		return min(max(p.shortest, min(elapsed/10, briefPause)), p.longest)
	}
	p.pause = min(p.pause*5/4, p.longest)
	return p.pause
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
