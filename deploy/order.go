package deploy

import (
	"context"

	"csph/buildpacks"
	"csph/platform"
)

// order is what the builder is asked for: the image of what is in dir, unless it would be the one that is live.
func (d *Deployer) order(ctx context.Context, a *attempt, dep platform.Deployment, dir string, plan buildpacks.Plan) (Build, error) {
	secrets, err := d.secretsOf(ctx, dep)
	if err != nil {
		return Build{}, err
	}
	return Build{
		Deployment: dep.ID, Service: dep.Service, Dir: dir, Plan: plan, Env: publicEnv(dep.Config.Env), Secrets: secrets,
		Labels: labelsOf(dep.Source), Source: dep.Source, Last: d.liveImage(ctx, dep.Service), NoCache: a.request.NoCache,
	}, nil
}

// liveImage is what a service runs now; zero when that is not known, which costs a build and nothing else.
func (d *Deployer) liveImage(ctx context.Context, service string) platform.Image {
	svc, err := d.Records.Service(ctx, service)
	if err != nil || svc.Live == "" {
		return platform.Image{}
	}
	live, err := d.Records.Deployment(ctx, svc.Live)
	if err != nil {
		return platform.Image{}
	}
	return live.Image
}

// labelsOf are the labels of an image by which others find its source (OCI image specification, annotations).
func labelsOf(s platform.Source) map[string]string {
	if s.Revision == "" {
		return nil
	}
	return map[string]string{"org.opencontainers.image.revision": s.Revision}
}
