package deploy

import (
	"context"
	"fmt"
	"net/netip"

	"csph/platform"
)

// Withdraw deletes a service: what is under way is given up or waited for, traffic ends, the
// spherelets drain and stop, images and records go. It blocks until all that is done.
func (d *Deployer) Withdraw(ctx context.Context, service string) error {
	if _, err := d.Records.Service(ctx, service); err != nil {
		return err
	}
	if err := d.clear(ctx, service); err != nil {
		return err
	}
	d.endVigil(service)
	replaced := d.Router.Remove(ctx, service)
	if err := d.endLive(ctx, service, replaced); err != nil {
		return err
	}
	all, err := d.Records.WithImage(ctx, service)
	if err != nil {
		return err
	}
	d.forgetAll(all)
	return d.Records.DeleteService(ctx, service)
}

// endLive drains and stops what is live of a service that goes.
func (d *Deployer) endLive(ctx context.Context, service string, replaced []netip.AddrPort) error {
	svc, err := d.Records.Service(ctx, service)
	if err != nil || svc.Live == "" {
		return err
	}
	dep, err := d.Records.Deployment(ctx, svc.Live)
	if err != nil {
		return err
	}
	d.drain(dep, replaced)
	d.remove(dep, orDefault(dep.Config.Grace, defaultGrace))
	return nil
}

// clear waits until nothing of a service is under way.
func (d *Deployer) clear(ctx context.Context, service string) error {
	for {
		a := d.underWay(service)
		if a == nil {
			return nil
		}
		a.giveUp(errCanceled)
		select {
		case <-a.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for deployment %s: %w", a.queued.ID, context.Cause(ctx))
		}
	}
}

func (d *Deployer) underWay(service string) *attempt {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.lines[service]; l != nil {
		return l.current
	}
	return nil
}

// endVigil stops tending a service.
func (d *Deployer) endVigil(service string) {
	d.mu.Lock()
	v := d.tended[service]
	delete(d.tended, service)
	d.mu.Unlock()
	if v == nil {
		return
	}
	release := v.hold()
	v.retire()
	release()
	v.close()
}

// forgetAll deletes the images of a service that goes.
func (d *Deployer) forgetAll(all []platform.Deployment) {
	gone := map[string]bool{}
	for _, dep := range all {
		if gone[dep.Image.Ref] {
			continue
		}
		gone[dep.Image.Ref] = true
		if err := d.Builder.Forget(d.ctx, dep.Image); err != nil {
			d.Logger.Error("image cannot be deleted", "deployment", dep.ID, "image", dep.Image.Ref, "err", err)
		}
	}
}
