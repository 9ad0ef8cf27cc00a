package deploy

import (
	"context"
	"fmt"

	"csph/platform"
)

// Suspend stops the spherelets of what is live and keeps everything else: the deployment stays the live one,
// requests are answered that there is nobody, and any deployment that goes live, one made to resume it
// included, ends the suspension. It blocks until the spherelets have drained and stopped. ErrConflict while a
// deployment is under way, and when nothing is live or the service is suspended already.
func (d *Deployer) Suspend(ctx context.Context, service string) error {
	left, err := d.enter()
	if err != nil {
		return err
	}
	defer left()
	leave, err := d.occupy(service)
	if err != nil {
		return err
	}
	defer leave()
	svc, err := d.Records.UpdateService(ctx, service, func(s *platform.Service) error {
		switch {
		case s.Live == "":
			return fmt.Errorf("%w: nothing of service %s is live", platform.ErrConflict, s.Name)
		case s.Suspended:
			return fmt.Errorf("%w: service %s is suspended already", platform.ErrConflict, s.Name)
		}
		s.Suspended = true
		return nil
	})
	if err != nil {
		return err
	}
	dep, err := d.Records.Deployment(ctx, svc.Live)
	if err != nil {
		return err
	}
	return d.putToSleep(ctx, dep, svc)
}

// putToSleep stops what runs of a suspended service. A crash in between is made up for by Resume.
func (d *Deployer) putToSleep(ctx context.Context, dep platform.Deployment, svc platform.Service) error {
	d.endVigil(svc.ID)
	replaced, err := d.route(ctx, svc, nil)
	if err != nil {
		return err
	}
	d.drain(dep, replaced)
	d.remove(dep, orDefault(dep.Config.Grace, defaultGrace))
	d.publish(dep, platform.Event{Kind: platform.EventSuspended, Message: "suspended: " + svc.Name + " has no spherelets until csph services resume"})
	return nil
}

// awaken ends the suspension of a service whose new version is about to serve.
func (d *Deployer) awaken(svc platform.Service) error {
	if !svc.Suspended {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), writeTimeout)
	defer cancel()
	_, err := d.Records.UpdateService(ctx, svc.ID, func(s *platform.Service) error { s.Suspended = false; return nil })
	if err != nil {
		return fmt.Errorf("end the suspension of %s: %w", svc.Name, err)
	}
	return nil
}

// passing is closed when what has a service's turn and is no deployment has ended; nil where nothing of the kind goes on.
func (d *Deployer) passing(service string) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.lines[service]; l != nil && l.current != nil && l.current.queued.ID == "" {
		return l.current.done
	}
	return nil
}

// occupy takes a service's turn for something that is no deployment: those that come meanwhile wait until leave is
// called. ErrConflict while a deployment is under way.
func (d *Deployer) occupy(service string) (leave func(), err error) {
	a := &attempt{
		queued: platform.Deployment{Service: service}, sealed: true, cancel: func(error) {},
		turn: make(chan struct{}), done: make(chan struct{}),
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.lines[service]; l != nil && l.current != nil {
		return nil, fmt.Errorf("%w: deployment %s of the service is under way; wait until it has settled", platform.ErrConflict, l.current.queued.ID)
	}
	d.join(a)
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.step(a)
		close(a.done)
	}, nil
}
