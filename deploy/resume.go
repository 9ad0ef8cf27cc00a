package deploy

import (
	"context"
	"fmt"
	"net/netip"

	"csph/platform"
)

// Resume takes up what an earlier csphd left: it gives the router the targets of every live service
// (before the router listens, so that no request meets an empty table), declares again the sets the engine has lost, goes on with rollouts past
// their build, ends with a reason those that were still building, and removes spherelets that belong to no deployment under way.
// The engine must have recovered. It returns once the routes are there; the rest goes on.
func (d *Deployer) Resume(ctx context.Context) error {
	unsettled, err := d.Records.Unsettled(ctx)
	if err != nil {
		return fmt.Errorf("read unsettled deployments: %w", err)
	}
	wanted, yields := map[string]bool{}, yielding(unsettled)
	for _, dep := range unsettled {
		svc, err := d.Records.Service(ctx, dep.Service)
		if err != nil {
			return fmt.Errorf("read the service of deployment %s: %w", dep.ID, err)
		}
		kept, err := d.resumeOne(ctx, dep, svc, yields[svc.ID])
		if err != nil {
			return err
		}
		wanted[dep.ID] = kept
	}
	d.sweep(wanted)
	return nil
}

// resumeOne reports whether the deployment's spherelets are still wanted. yields says that a live one makes way for
// another.
func (d *Deployer) resumeOne(ctx context.Context, dep platform.Deployment, svc platform.Service, yields bool) (kept bool, err error) {
	switch dep.Status {
	case platform.Live:
		if svc.Suspended {
			_, err := d.route(ctx, svc, nil)
			return false, err
		}
		return true, d.resumeLive(ctx, dep, svc, yields)
	case platform.RollingOut, platform.HealthCheck:
		d.resumeRollout(dep, svc)
		return true, nil
	}
	d.end(dep, platform.Fail, platform.EventFailed, &platform.Failure{
		Reason:  platform.Internal,
		Message: fmt.Sprintf("csphd was restarted while the deployment was %s; nothing has changed", dep.Status),
		Hint:    "Push or deploy again.",
	})
	return false, nil
}

// resumeLive routes to the spherelets that run, and starts those that do not, unless they make way for others.
func (d *Deployer) resumeLive(ctx context.Context, dep platform.Deployment, svc platform.Service, yields bool) error {
	if svc.Type == platform.Cron {
		return nil
	}
	v := d.keepVigil(dep, svc, true)
	targets := v.look().ready
	if _, err := d.route(ctx, svc, targets); err != nil {
		v.close()
		return err
	}
	d.tend(dep, svc, v, targets)
	if yields {
		return nil
	}
	set, err := d.setOf(ctx, dep, svc)
	if err == nil {
		set.Count = svc.Size(dep)
		err = d.Engine.Apply(ctx, set)
	}
	if err != nil {
		d.Logger.Error("live service cannot be started", "service", svc.Name, "deployment", dep.ID, "err", err)
	}
	return nil
}

// resumeRollout goes on with a rollout as if nothing had been: Apply takes up the spherelets that are
// there. A release command that was interrupted runs again.
func (d *Deployer) resumeRollout(dep platform.Deployment, svc platform.Service) {
	d.set(d.ctx, dep, svc, Request{Service: svc.ID, Trigger: dep.Trigger})
}

// sweep removes the sets of deployments that are settled and not live: a crash, or a change of hands, came
// before their removal. A predecessor may still have requests in flight to them: they are drained first.
func (d *Deployer) sweep(wanted map[string]bool) {
	stray := map[string][]netip.AddrPort{}
	for _, s := range d.Engine.Spherelets("") {
		if !wanted[s.Deployment] {
			stray[s.Deployment] = append(stray[s.Deployment], s.Address)
		}
	}
	for id, targets := range stray {
		d.own(func() { d.letGoStray(id, targets) })
	}
}

func (d *Deployer) letGoStray(id string, targets []netip.AddrPort) {
	_, err := d.Router.Drain(d.ctx, targets, defaultDrain)
	if err == nil {
		_, err = d.Router.DrainStreams(d.ctx, targets)
	}
	if d.ctx.Err() != nil {
		return // the next Resume goes on with it
	}
	if err != nil {
		d.Logger.Warn("a set that nobody wants is removed though it could not be drained", "deployment", id, "err", err)
	}
	d.remove(platform.Deployment{ID: id}, defaultGrace)
}
