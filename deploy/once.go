package deploy

import (
	"context"
	"fmt"

	"csph/platform"
)

// RunOnce runs a command to its end in a spherelet of its own, with the image, environment and shape of what is
// live of a service, or, where nothing is, of its newest deployment that has an image. Its output goes to log,
// line by line. No command means what the service's spherelets run. When ctx ends first the command is killed. ErrConflict when there is no image yet.
func (d *Deployer) RunOnce(ctx context.Context, service string, command []string, log BuildLog) (exit int, err error) {
	return d.Alone(ctx, service, command, func(set platform.Set) (int, error) {
		return d.Engine.RunOnce(ctx, set, set.Command, log)
	})
}

// Alone has run carry a command out in a spherelet of its own, of the set that it is given, and returns what run does. The
// set is RunOnce's.
func (d *Deployer) Alone(ctx context.Context, service string, command []string, run func(platform.Set) (exit int, err error)) (exit int, err error) {
	left, err := d.enter()
	if err != nil {
		return -1, err
	}
	defer left()
	svc, err := d.Records.Service(ctx, service)
	if err != nil {
		return -1, err
	}
	dep, err := d.runnable(ctx, svc)
	if err != nil {
		return -1, err
	}
	set, err := d.setOf(ctx, dep, svc)
	if err != nil {
		return -1, err
	}
	if len(command) == 0 {
		if command, err = ownCommand(dep); err != nil {
			return -1, err
		}
	}
	set.Command = command
	return run(set)
}

// runnable is the deployment whose image a one-off command of a service runs in.
func (d *Deployer) runnable(ctx context.Context, svc platform.Service) (platform.Deployment, error) {
	if svc.Live != "" {
		return d.Records.Deployment(ctx, svc.Live)
	}
	all, err := d.Records.WithImage(ctx, svc.ID)
	if err != nil {
		return platform.Deployment{}, err
	}
	if len(all) > 0 {
		return all[0], nil
	}
	return platform.Deployment{}, fmt.Errorf("%w: service %s has no image yet to run something in; deploy it first: csph deploy --service %s", platform.ErrConflict, svc.Name, svc.Name)
}
