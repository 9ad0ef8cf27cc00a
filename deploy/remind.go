package deploy

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"csph/platform"
)

// defaultRemind is how often a rollout that waits for its spherelets says so.
const defaultRemind = 20 * time.Second

// remind says which spherelet the rollout waits for, and what comes of its check now. It blocks for some seconds at the most.
func (v *vigil) remind() {
	s, waits := v.laggard()
	if !waits {
		return
	}
	check := platform.Check{Path: "/healthz"} // as SPEC section 4 asks where nothing is configured
	if v.check != nil {
		check = *v.check
	}
	err := v.prober.Try(v.ctx, s, check)
	if now, waits := v.laggard(); err == nil || !waits || now.ID != s.ID || v.ctx.Err() != nil {
		return
	}
	v.notify(vigilNote{platform.EventUnhealthy, fmt.Sprintf("%s is not healthy yet, after %s of at most %s: %v",
		s.ID, time.Since(s.Started).Round(time.Second), failureTimeout(v.check), err), s})
}

// laggard is a spherelet that runs and is not ready, the first by its id.
func (v *vigil) laggard() (s platform.Spherelet, waits bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(v.posts)) {
		if p := v.posts[id]; p.State == platform.Running && !p.ready {
			return p.Spherelet, true
		}
	}
	return platform.Spherelet{}, false
}
