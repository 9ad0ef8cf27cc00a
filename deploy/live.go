package deploy

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"csph/platform"
)

// tend keeps the router's targets of a live deployment in step with which of its spherelets are
// ready, for as long as it is live; routed are the targets that it has now.
func (d *Deployer) tend(dep platform.Deployment, svc platform.Service, v *vigil, routed []netip.AddrPort) {
	d.mu.Lock()
	d.tended[dep.Service] = v
	d.mu.Unlock()
	v.attend(dep.Health(), d.restartWithin(dep))
	d.keepSchedules(dep, v)
	d.own(func() { d.follow(svc, v, routed) })
}

// tending is the vigil of a service's live deployment, nil when none is live.
func (d *Deployer) tending(service string) *vigil {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tended[service]
}

// follow swaps whenever other spherelets than before are ready, until the vigil retires or the server stops.
func (d *Deployer) follow(svc platform.Service, v *vigil, targets []netip.AddrPort) {
	for {
		targets = d.retarget(svc, v, targets)
		select {
		case <-v.changed:
		case <-v.retired:
			return
		case <-d.ctx.Done():
			v.close()
			return
		}
	}
}

// retarget gives the router the spherelets that are ready now, unless a newer version has taken over.
func (d *Deployer) retarget(svc platform.Service, v *vigil, before []netip.AddrPort) []netip.AddrPort {
	now := v.look().ready
	if slices.Equal(now, before) {
		return before
	}
	v.serving.Lock()
	defer v.serving.Unlock()
	if v.over {
		return before
	}
	ctx, cancel := context.WithTimeout(d.ctx, writeTimeout)
	defer cancel()
	if _, err := d.route(ctx, svc, now); err != nil {
		d.Logger.Error("router does not take the new targets", "service", svc.Name, "err", err)
		return before
	}
	return now
}

// route makes targets the ones that serve svc, and returns those it replaced. A worker has no route.
func (d *Deployer) route(ctx context.Context, svc platform.Service, targets []netip.AddrPort) ([]netip.AddrPort, error) {
	if !svc.Type.Routed() {
		return nil, nil
	}
	replaced, err := d.Router.Swap(ctx, svc.ID, d.Hosts(svc), targets)
	if err != nil {
		return nil, fmt.Errorf("route to %s: %w", svc.Name, err)
	}
	return replaced, nil
}

// letGo drains the replaced spherelets, stops them, and shortens the history.
func (d *Deployer) letGo(previous string, old *vigil, replaced []netip.AddrPort) {
	if previous == "" {
		return
	}
	if old != nil {
		defer old.close()
	}
	dep, err := d.Records.Deployment(d.ctx, previous)
	if err != nil {
		d.Logger.Error("retired deployment cannot be read; it is removed at the next start", "deployment", previous, "err", err)
		return
	}
	d.drain(dep, replaced)
	if old != nil {
		old.close()
	}
	if d.ctx.Err() != nil {
		return // Resume goes on with it
	}
	d.remove(dep, orDefault(dep.Config.Grace, defaultGrace))
	d.publish(dep, platform.Event{Kind: platform.EventRetired, Message: "version " + dep.ID + " has stopped"})
	d.forget(dep.Service)
}

// spherelets is a number of them, for people.
func spherelets(n int) string {
	if n == 1 {
		return "1 spherelet"
	}
	return strconv.Itoa(n) + " spherelets"
}

func (d *Deployer) drain(dep platform.Deployment, targets []netip.AddrPort) {
	d.publish(dep, platform.Event{Kind: platform.EventDraining, Message: "draining " + spherelets(len(targets)) + " of " + dep.ID})
	cut, err := d.Router.Drain(d.ctx, targets, orDefault(dep.Config.Drain, defaultDrain))
	if err != nil {
		d.Logger.Warn("drain ended early", "deployment", dep.ID, "err", err)
		return
	}
	message := "drained: every request finished"
	if cut > 0 {
		message = fmt.Sprintf("drained: %d requests were still running at the deadline and were cut", cut)
	}
	d.publish(dep, platform.Event{Kind: platform.EventDrained, Message: message})
	if _, err := d.Router.DrainStreams(d.ctx, targets); err != nil {
		d.Logger.Warn("drain of streams ended early", "deployment", dep.ID, "err", err)
	}
}

// remove takes a deployment's spherelets away; a failure is left to the next start.
func (d *Deployer) remove(dep platform.Deployment, grace time.Duration) {
	ctx, cancel := context.WithTimeout(d.ctx, grace+writeTimeout*3)
	defer cancel()
	if err := d.Engine.Remove(ctx, dep.ID, grace); err != nil && d.ctx.Err() == nil {
		d.Logger.Error("spherelets cannot be removed; the next start tries again", "deployment", dep.ID, "err", err)
	}
}

// forget drops the images of deployments that are past the restorable ones; live and unsettled ones keep theirs.
func (d *Deployer) forget(service string) {
	all, err := d.Records.WithImage(d.ctx, service)
	if err != nil {
		d.Logger.Error("images of a service cannot be listed", "service", service, "err", err)
		return
	}
	keep := map[string]bool{} // images, by ref: a rollback shares its image with what it restored
	var drop []platform.Deployment
	restorable := 0
	for _, dep := range all {
		if dep.Status.Terminal() && restorable >= d.Restorable {
			drop = append(drop, dep)
			continue
		}
		restorable++
		keep[dep.Image.Ref] = true
	}
	for _, dep := range drop {
		d.forgetOne(dep, keep[dep.Image.Ref])
	}
}

func (d *Deployer) forgetOne(dep platform.Deployment, shared bool) {
	if err := d.Records.DropImage(d.ctx, dep.ID); err != nil {
		d.Logger.Error("image cannot be dropped from the record", "deployment", dep.ID, "err", err)
		return
	}
	if shared {
		return
	}
	if err := d.Builder.Forget(d.ctx, dep.Image); err != nil {
		d.Logger.Error("image cannot be deleted", "deployment", dep.ID, "image", dep.Image.Ref, "err", err)
	}
}
