package api

import (
	"cmp"
	"fmt"
	"time"

	"csph/api/wire"
	"csph/platform"
)

// rescale changes the count of a config and what decides it. People set the count, or CPU use does: what is asked for by
// both is refused.
func rescale(to *platform.Config, c wire.ConfigChange) error {
	switch a := c.Autoscale; {
	case a != nil && a.Off:
		to.Autoscale = nil
	case a != nil:
		policy, err := autoscaled(to.Autoscale, *a)
		if err != nil {
			return err
		}
		to.Autoscale = &policy
	case to.Autoscale != nil && c.Count != nil && *c.Count != to.Count:
		return fmt.Errorf("%w: autoscaling decides the count: %s; change that with csph services autoscale --min N --max N, or turn it off with --off first", platform.ErrConflict, to.Autoscale)
	}
	set(&to.Count, c.Count)
	if to.Autoscale != nil {
		to.Count = to.Autoscale.Within(cmp.Or(to.Count, 1))
	}
	return nil
}

// autoscaled is what a change makes of how a count is decided; before is nil while people do.
func autoscaled(before *platform.Autoscale, c wire.AutoscaleChange) (platform.Autoscale, error) {
	a := platform.Autoscale{Min: platform.DefaultAutoscaleMin, CPU: platform.DefaultAutoscaleCPU}
	if before != nil {
		a = *before
	} else if c.Max == nil {
		return a, fmt.Errorf("%w: say how many spherelets there may be at the most: csph services autoscale --max N", platform.ErrInvalid)
	}
	set(&a.Min, c.Min)
	set(&a.Max, c.Max)
	set(&a.CPU, c.CPU)
	return a, a.Check()
}

// readAs is a config as a client has read it, for its ETag: a count that CPU use decides changes under its hands, and a
// restart changes nothing that was decided.
func readAs(c platform.Config) platform.Config {
	if c.Autoscale != nil {
		c.Count = 0
	}
	c.RestartedAt = time.Time{}
	return c
}
