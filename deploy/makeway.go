package deploy

import (
	"context"

	"csph/platform"
)

// makeWay stops the old spherelets before the new ones start, for deployments that cannot run beside another version
// (temporaryShutdown, SPEC section 3). It returns how they are brought back if the new ones fail.
func (d *Deployer) makeWay(dep platform.Deployment, svc platform.Service) (bringBack func(), err error) {
	nothing := func() {}
	if !temporaryShutdown(dep) {
		return nothing, nil
	}
	current, err := d.Records.Service(d.ctx, dep.Service)
	if err != nil || current.Live == "" || current.Suspended {
		return nothing, err
	}
	old, err := d.Records.Deployment(d.ctx, current.Live)
	if err != nil {
		return nothing, err
	}
	if err := d.stopServing(old, svc); err != nil {
		return nothing, err
	}
	return func() { d.bringBack(old, current) }, nil
}

func temporaryShutdown(dep platform.Deployment) bool {
	return dep.Image.Runtime != nil && dep.Image.Runtime.TemporaryShutdown
}

// stopServing takes a live version out of the traffic and stops its spherelets. It stays the live one.
func (d *Deployer) stopServing(old platform.Deployment, svc platform.Service) error {
	v := d.tending(svc.ID)
	if v != nil {
		d.excuse(svc, v, d.Engine.Spherelets(old.ID), 0)
	}
	release := v.hold()
	replaced, err := d.route(d.ctx, svc, nil)
	release()
	if err != nil {
		return err
	}
	d.publish(old, platform.Event{Kind: platform.EventDraining, Message: "temporaryShutdown: version " + old.ID + " stops before the new one starts"})
	d.drain(old, replaced)
	d.remove(old, orDefault(old.Config.Grace, defaultGrace))
	return d.ctx.Err()
}

// bringBack starts the version again that made way for one that failed. Its vigil gives it its traffic.
func (d *Deployer) bringBack(old platform.Deployment, svc platform.Service) {
	if d.ctx.Err() != nil {
		return // the server stops: the rollout will be taken up
	}
	ctx, cancel := context.WithTimeout(d.ctx, writeTimeout)
	defer cancel()
	set, err := d.setOf(ctx, old, svc)
	if err == nil {
		set.Count = svc.Size(old)
		err = d.Engine.Apply(ctx, set)
	}
	if err != nil {
		d.Logger.Error("the version that made way cannot be started again", "deployment", old.ID, "err", err)
		return
	}
	d.publish(old, platform.Event{Kind: platform.EventStarting, Message: "starting version " + old.ID + " again: the new one failed"})
}

// yielding are the services whose live version has made way, or is about to, for a rollout under way: it is not to
// be started again beside that.
func yielding(unsettled []platform.Deployment) map[string]bool {
	services := map[string]bool{}
	for _, dep := range unsettled {
		if (dep.Status == platform.RollingOut || dep.Status == platform.HealthCheck) && temporaryShutdown(dep) {
			services[dep.Service] = true
		}
	}
	return services
}
