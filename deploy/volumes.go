package deploy

import (
	"context"

	"csph/platform"
)

// Remount rolls what is live of a service out again, without a build, with the volumes that the service has by now.
// Where nothing is live, or the service is suspended, the next deployment will have them: then deployed is false.
//
// Volumes are not config. Every deployment, a rollback as well, has those that its service has when it is made; so a
// rollback never takes data away, nor does it bring a volume back that was detached.
func (d *Deployer) Remount(ctx context.Context, service string, t platform.Trigger) (dep platform.Deployment, deployed bool, err error) {
	svc, err := d.Records.Service(ctx, service)
	if err != nil || svc.Live == "" || svc.Suspended {
		return platform.Deployment{}, false, err
	}
	dep, err = d.Start(ctx, Request{Service: service, Trigger: t, From: svc.Live})
	return dep, err == nil, err
}
