package deploy

import (
	"context"
	"fmt"

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
	all, err := d.Records.Deployments(ctx, service, 0)
	if err != nil {
		return err
	}
	for _, dep := range all {
		if dep.Status == platform.Live {
			d.drain(dep, replaced)
			d.remove(dep, orDefault(dep.Config.Grace, defaultGrace))
		}
	}
	d.forgetAll(all)
	return d.Records.DeleteService(ctx, service)
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
	gone := map[string]bool{"": true}
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
