package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"

	"csph/platform"
)

// errMore says that more than the count would change.
var errMore = errors.New("more than the count changes")

// scale changes how many spherelets of what is live run (and what decides that), when that is all that change does and no
// deployment is under way; why is what it follows from, for the event. What else waits for the next deployment goes on
// waiting: a variable whose rollout failed, or those that a rollback has left behind. It returns once the engine was told;
// new spherelets get requests as soon as they are ready, and those that go have drained before they stop. scaled is false
// when this takes a deployment instead.
func (d *Deployer) scale(ctx context.Context, svc platform.Service, why string, change func(*platform.Config) error) (scaled bool, err error) {
	if svc.Type == platform.Cron {
		return false, nil // there is nothing that could be scaled
	}
	left, err := d.enter()
	if err != nil {
		return false, err
	}
	leave, err := d.occupy(svc.ID)
	if err != nil {
		left()
		return false, nil
	}
	done := func() { leave(); left() }
	svc, dep, from, err := d.recordScale(ctx, svc, change)
	if err != nil {
		done()
		if errors.Is(err, errMore) {
			err = nil
		}
		return false, err
	}
	d.own(func() {
		defer done()
		d.carryScale(dep, svc, from, why)
	})
	return true, nil
}

// countAlone reports whether change changes how many spherelets a service should have, and nothing else.
func (d *Deployer) countAlone(svc platform.Service, change func(*platform.Config) error) bool {
	next := svc.Config
	return d.changeConfig(&next, change) == nil && sameButCount(next, svc.Config) && next.Count != svc.Config.Count
}

// recordScale writes the new count down if it is all that changes; from is the count before.
func (d *Deployer) recordScale(ctx context.Context, svc platform.Service, change func(*platform.Config) error) (_ platform.Service, dep platform.Deployment, from int, err error) {
	if dep, err = d.Records.Deployment(ctx, svc.Live); err != nil {
		return svc, dep, 0, err
	}
	next := svc.Config
	if err := d.changeConfig(&next, change); err != nil {
		return svc, dep, 0, err
	}
	if !sameButCount(next, svc.Config) || next.Count == svc.Size(dep) {
		return svc, dep, 0, errMore
	}
	if next.Count > svc.Size(dep) {
		if err := d.roomFor(ctx, svc, next); err != nil {
			return svc, dep, 0, err
		}
	}
	after, err := d.Records.UpdateService(ctx, svc.ID, func(s *platform.Service) error {
		if s.Live != dep.ID || s.Suspended || !reflect.DeepEqual(s.Config, svc.Config) {
			return errMore // somebody was quicker
		}
		if err := d.changeConfig(&s.Config, change); err != nil {
			return err
		}
		s.Scale = s.Config.Count
		return nil
	})
	return after, dep, svc.Size(dep), err
}

// sameButCount compares configs but for the count and what decides it, without a difference between no variables and none.
func sameButCount(a, b platform.Config) bool {
	if !maps.Equal(a.Env, b.Env) || !maps.Equal(a.Secrets, b.Secrets) {
		return false
	}
	a.Count, a.Autoscale, a.Env, a.Secrets = b.Count, b.Autoscale, b.Env, b.Secrets
	return reflect.DeepEqual(a, b)
}

// carryScale makes the spherelets as many as was written down.
func (d *Deployer) carryScale(dep platform.Deployment, svc platform.Service, from int, why string) {
	message := fmt.Sprintf("scaling from %d to %d spherelets", from, svc.Scale)
	if why != "" {
		message += ": " + why
	}
	d.publish(dep, platform.Event{Kind: platform.EventScaling, Message: message})
	v := d.tending(svc.ID)
	if v != nil && svc.Scale < from {
		d.drain(dep, d.excuse(svc, v, d.Engine.Spherelets(dep.ID), svc.Scale))
	}
	set, err := d.setOf(d.ctx, dep, svc)
	if err == nil {
		set.Count = svc.Scale
		err = d.Engine.Apply(d.ctx, set)
	}
	if err != nil && d.ctx.Err() == nil {
		d.Logger.Error("service cannot be scaled; the next start tries again", "service", svc.Name, "deployment", dep.ID, "err", err)
		return
	}
	d.publish(dep, platform.Event{Kind: platform.EventScaled, Message: fmt.Sprintf("scaled to %d spherelets", svc.Scale)})
}

// excuse takes all but the first keep spherelets, which the engine will stop, out of the traffic, and returns
// their addresses.
func (d *Deployer) excuse(svc platform.Service, v *vigil, all []platform.Spherelet, keep int) []netip.AddrPort {
	var leaving []netip.AddrPort
	v.mu.Lock()
	for i, s := range all {
		if p := v.posts[s.ID]; p != nil && i >= keep {
			p.excused = true
			leaving = append(leaving, s.Address)
		}
	}
	v.mu.Unlock()
	d.retarget(svc, v, nil)
	return leaving
}
