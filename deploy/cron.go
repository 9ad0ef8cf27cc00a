package deploy

import (
	"fmt"

	"csph/platform"
)

// install makes a deployment of a service without spherelets the live one: its schedules run commands in its image from
// then on. There is nothing to start, to check or to drain.
func (d *Deployer) install(dep platform.Deployment, svc platform.Service) (_ platform.Deployment, err error) {
	if dep.Status == platform.RollingOut {
		if dep, err = d.advance(dep, platform.StartCheck, nil); err != nil {
			return dep, err
		}
	}
	current, err := d.Records.Service(d.ctx, svc.ID)
	if err != nil {
		return dep, err
	}
	if err := d.awaken(current); err != nil {
		return dep, err
	}
	live, err := d.promote(dep, current.Live, "live: schedules of "+svc.Name+" run it from now on")
	if err != nil {
		return dep, err
	}
	d.own(func() { d.forget(svc.ID) })
	return live, nil
}

// ownCommand is what a one-off spherelet of a deployment runs when it is told nothing else: what its spherelets do.
func ownCommand(dep platform.Deployment) ([]string, error) {
	if len(dep.Image.Command) > 0 {
		return dep.Image.Command, nil
	}
	if r := dep.Image.Runtime; r != nil && r.Launch != nil {
		if p := r.Launch.Processes; len(p) == 1 {
			return shell(p[0].Command), nil
		}
		return nil, fmt.Errorf("%w: %s has several start commands; say which one, or another, is to be run", platform.ErrInvalid, dep.Name)
	}
	return nil, nil // the image's own
}
