package deploy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sort"

	"csph/platform"
)

// Rescaled is what has become of a count that autoscaling has decided on.
type Rescaled struct {
	Count int
	// Short says with the figures why Count is less than was decided; nil when it is not.
	Short error
}

// Rescale changes how many spherelets of an autoscaled service run, from so many to so many, or, where the account or the
// server has no room for as many, to those there is room for; why is told with the event. It returns once the engine was
// told. ErrConflict while a deployment of the service is under way, or when the service is no longer as the caller thinks.
func (d *Deployer) Rescale(ctx context.Context, service string, from, to int, why string) (Rescaled, error) {
	svc, err := d.Records.Service(ctx, service)
	if err != nil {
		return Rescaled{}, err
	}
	if svc.Live == "" || svc.Suspended || svc.Config.Autoscale == nil {
		return Rescaled{}, fmt.Errorf("%w: service %s is not autoscaled now", platform.ErrConflict, svc.Name)
	}
	live, err := d.Records.Deployment(ctx, svc.Live)
	if err != nil {
		return Rescaled{}, err
	}
	if svc.Size(live) != from {
		return Rescaled{}, fmt.Errorf("%w: service %s has %d spherelets, not %d", platform.ErrConflict, svc.Name, svc.Size(live), from)
	}
	out := Rescaled{Count: to}
	if to > from {
		if out, err = d.most(ctx, svc, from, to); err != nil || out.Count == from {
			return out, err
		}
	}
	scaled, err := d.scale(ctx, svc, why, func(c *platform.Config) error { c.Count = out.Count; return nil })
	if err == nil && !scaled {
		err = fmt.Errorf("%w: something else of service %s is under way", platform.ErrConflict, svc.Name)
	}
	return out, err
}

// most is the largest count up to to that there is room for, and why not for more; from, which runs, if there is none.
func (d *Deployer) most(ctx context.Context, svc platform.Service, from, to int) (Rescaled, error) {
	var failed error
	full := func(count int) error {
		c := svc.Config
		c.Count = count
		err := d.roomFor(ctx, svc, c)
		if err != nil && !errors.Is(err, platform.ErrCapacity) {
			failed = err
		}
		return err
	}
	out := Rescaled{Count: to, Short: full(to)}
	if out.Short != nil && failed == nil {
		out.Count = from + sort.Search(to-from, func(i int) bool { return full(from+i+1) != nil })
	}
	return out, failed
}

// roomFor refuses, with the figures, a config for which the server or the account has no room.
func (d *Deployer) roomFor(ctx context.Context, svc platform.Service, c platform.Config) error {
	if err := d.fits(ctx, svc, c); err != nil {
		return err
	}
	return d.withinQuota(ctx, svc, c, false)
}

// keepPolicy writes down what decides the count of a service, when that is all that change does: nothing of what runs is
// touched, and nothing has to be waited for. kept is false when more changes.
func (d *Deployer) keepPolicy(ctx context.Context, svc platform.Service, change func(*platform.Config) error) (kept bool, err error) {
	alone := func(c *platform.Config) error {
		before := *c
		if err := d.changeConfig(c, change); err != nil {
			return err
		}
		if c.Count != before.Count || !sameButCount(*c, before) || reflect.DeepEqual(c.Autoscale, before.Autoscale) {
			return errMore
		}
		return nil
	}
	next := svc.Config
	if err = alone(&next); err == nil {
		_, err = d.Records.UpdateService(ctx, svc.ID, func(s *platform.Service) error { return alone(&s.Config) })
	}
	if errors.Is(err, errMore) {
		return false, nil
	}
	return err == nil, err
}

// OnDuty lists the spherelets of what is live of a service that are ready, the oldest first. It never blocks for long.
func (d *Deployer) OnDuty(service string) []platform.Spherelet {
	v := d.tending(service)
	if v == nil {
		return nil
	}
	return v.onDuty(true)
}
