package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"csph/platform"
)

// Deploy makes one deployment and blocks until it has settled: live, failed, canceled or superseded,
// as the returned record says. Until the image is built, the end of ctx cancels it; from then on the
// rollout goes on whatever happens to ctx, and the end of ctx only ends the waiting. An error means that there is
// no deployment (what was asked for is not possible), or that the wait was cut short.
func (d *Deployer) Deploy(ctx context.Context, r Request) (platform.Deployment, error) {
	a, err := d.begin(ctx, r)
	if err != nil {
		return platform.Deployment{}, err
	}
	return d.await(ctx, a)
}

// Start makes one deployment, queued, and returns at once; the server carries it through.
func (d *Deployer) Start(ctx context.Context, r Request) (platform.Deployment, error) {
	a, err := d.begin(context.WithoutCancel(ctx), r)
	if err != nil {
		return platform.Deployment{}, err
	}
	return a.queued, nil
}

// Wait blocks until the deployment has settled, as Deploy does, without owning it.
func (d *Deployer) Wait(ctx context.Context, id string) (platform.Deployment, error) {
	d.mu.Lock()
	a := d.attempts[id]
	d.mu.Unlock()
	if a != nil {
		select {
		case <-a.done:
		case <-ctx.Done():
			return platform.Deployment{}, fmt.Errorf("wait for deployment %s: %w", id, context.Cause(ctx))
		}
	}
	return d.Records.Deployment(ctx, id)
}

// Cancel stops a deployment that is queued or building, at once, and returns when it has stopped. Past the
// build it is refused with a platform.MoveError.
func (d *Deployer) Cancel(ctx context.Context, id string) error {
	d.mu.Lock()
	a := d.attempts[id]
	d.mu.Unlock()
	if a == nil || !a.giveUp(errCanceled) {
		return d.refuseCancel(ctx, id)
	}
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cancel deployment %s: %w", id, context.Cause(ctx))
	}
}

func (d *Deployer) refuseCancel(ctx context.Context, id string) error {
	dep, err := d.Records.Deployment(ctx, id)
	if err != nil {
		return err
	}
	status := dep.Status
	if status == platform.Queued || status == platform.Building {
		status = platform.RollingOut // the record is about to say so
	}
	return platform.MoveError{From: status, Move: platform.Cancel}
}

// Configure changes a service's config and, where a version is live, rolls that out again with it, without a
// build. Where none is live yet, or the service is suspended, the next deployment will have it; and where only the
// count changes, what is live is scaled, behind a scaling that is under way; where what decides it does, that is kept: then
// deployed is false.
func (d *Deployer) Configure(ctx context.Context, service string, t platform.Trigger, change func(*platform.Config) error) (dep platform.Deployment, deployed bool, err error) {
	for {
		before := d.passing(service)
		svc, done, err := d.configureOnly(ctx, service, change)
		if done || err != nil {
			return platform.Deployment{}, false, err
		}
		if before == nil || !d.countAlone(svc, change) {
			dep, err = d.Start(ctx, Request{Service: service, Trigger: t, From: svc.Live, Change: change})
			return dep, err == nil, err
		}
		select {
		case <-before:
		case <-ctx.Done():
			return platform.Deployment{}, false, fmt.Errorf("wait for the scaling that is under way: %w", context.Cause(ctx))
		}
	}
}

// configureOnly changes the config where that takes no deployment; done is false where it does.
func (d *Deployer) configureOnly(ctx context.Context, service string, change func(*platform.Config) error) (svc platform.Service, done bool, err error) {
	if svc, err = d.Records.Service(ctx, service); err != nil {
		return svc, false, err
	}
	if svc.Live == "" || svc.Suspended {
		_, err := d.Records.UpdateService(ctx, service, func(s *platform.Service) error { return d.changeConfig(&s.Config, change) })
		return svc, true, err
	}
	if kept, err := d.keepPolicy(ctx, svc, change); kept || err != nil {
		return svc, kept, err
	}
	done, err = d.scale(ctx, svc, "", change)
	return svc, done, err
}

// begin checks what was asked for, records the deployment as queued and sets it going.
func (d *Deployer) begin(ctx context.Context, r Request) (*attempt, error) {
	left, err := d.enter()
	if err != nil {
		return nil, err
	}
	defer left()
	dep, svc, err := d.draft(ctx, r)
	if err != nil {
		return nil, err
	}
	dep, err = d.Records.CreateDeployment(ctx, dep, platform.Event{Kind: platform.EventAccepted, Message: "a deployment of " + svc.Name + " was accepted"})
	if err != nil {
		return nil, fmt.Errorf("record the deployment: %w", err)
	}
	if r.Created != nil {
		r.Created(dep)
	}
	return d.set(ctx, dep, svc, r), nil
}

// draft is the deployment that r asks for, not yet recorded. The change to the service's config is kept once a deployment with it
// is one that can be: what is refused leaves the service as it was.
func (d *Deployer) draft(ctx context.Context, r Request) (dep platform.Deployment, svc platform.Service, err error) {
	if svc, err = d.Records.Service(ctx, r.Service); err != nil {
		return dep, svc, err
	}
	if r.Change != nil {
		wanted := svc
		if err := d.changeConfig(&wanted.Config, r.Change); err != nil {
			return dep, svc, err
		}
		if dep, err := d.draftOf(ctx, r, wanted); err != nil {
			return dep, svc, err
		}
		svc, err = d.Records.UpdateService(ctx, r.Service, func(s *platform.Service) error { return d.changeConfig(&s.Config, r.Change) })
		if err != nil {
			return dep, svc, err
		}
	}
	dep, err = d.draftOf(ctx, r, svc)
	return dep, svc, err
}

// draftOf is the deployment that r asks for of svc as it is, or why there can be none.
func (d *Deployer) draftOf(ctx context.Context, r Request, svc platform.Service) (platform.Deployment, error) {
	dep := platform.Deployment{Service: svc.ID, Name: svc.Name, Trigger: r.Trigger, URL: d.URL(svc)}
	switch {
	case r.Source != nil:
		dep.Source = r.Source.Describe()
	case r.Image != "":
		if err := validateImage(r.Image); err != nil {
			return dep, err
		}
		dep.Source = platform.Source{Kind: platform.FromImage, Image: r.Image}
	default:
		if err := d.draftFrom(ctx, r, svc, &dep); err != nil {
			return dep, err
		}
	}
	var err error
	if !r.Restore {
		dep.Config, err = d.freeze(ctx, svc)
	}
	if err == nil {
		dep.Config.Volumes, err = d.Records.Mounts(ctx, svc.ID)
	}
	if err == nil {
		err = d.Regions.Check(dep.Config.Region)
	}
	if err == nil {
		err = d.fits(ctx, svc, dep.Config)
	}
	if err == nil {
		err = d.withinQuota(ctx, svc, dep.Config, r.Source != nil || r.Image != "")
	}
	return dep, err
}

// draftFrom carries an earlier deployment over; with Restore its config and env too, as they were then. The count
// stays the service's present one: what it was scaled to answers the traffic of today, whichever version runs. So does the region.
func (d *Deployer) draftFrom(ctx context.Context, r Request, svc platform.Service, dep *platform.Deployment) error {
	from, err := d.Records.Deployment(ctx, r.From)
	if err != nil {
		return err
	}
	if from.Service != dep.Service {
		return fmt.Errorf("%w: deployment %s belongs to another service", platform.ErrInvalid, r.From)
	}
	if from.Image.Digest == "" {
		return fmt.Errorf("%w: deployment %s can no longer be restored: it has no image (it %s, or is older than the %d that are kept); csph deployments list --service %s shows what can", platform.ErrConflict, from.ID, from.Status, d.Restorable, dep.Name)
	}
	dep.Source = platform.Source{Kind: platform.FromDeployment, Deployment: from.ID, Revision: from.Source.Revision, Branch: from.Source.Branch, Subject: from.Source.Subject}
	if r.Restore {
		dep.Config = from.Config
		dep.Config.Count, dep.Config.Region = svc.Config.Count, d.Regions.Of(svc.Config.Region)
	}
	return nil
}

// freeze is the config a new deployment of svc gets: the service's own, its env over the environment's.
func (d *Deployer) freeze(ctx context.Context, svc platform.Service) (platform.Config, error) {
	environment, err := d.Records.Environment(ctx, svc.Environment)
	if err != nil {
		return platform.Config{}, err
	}
	config := svc.Config
	config.Region = d.Regions.Of(svc.Config.Region)
	config.Env = maps.Clone(environment.Env)
	if config.Env == nil {
		config.Env = map[string]string{}
	}
	maps.Copy(config.Env, svc.Config.Env)
	return config, nil
}

// changeConfig applies change to a copy, so that a refused change leaves nothing behind, and checks the outcome.
func (d *Deployer) changeConfig(c *platform.Config, change func(*platform.Config) error) error {
	next := *c
	next.Env, next.Secrets = maps.Clone(c.Env), maps.Clone(c.Secrets)
	if next.Env == nil {
		next.Env = map[string]string{}
	}
	if err := change(&next); err != nil {
		return err
	}
	if err := errors.Join(validate(next), d.Regions.Check(next.Region)); err != nil {
		return err
	}
	*c = next
	return nil
}
