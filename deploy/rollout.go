package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"csph/platform"
)

// rollOut starts the new spherelets beside the old ones, waits until they are ready, moves the traffic
// and lets the old ones drain. When the new ones fail, they go and the old ones never noticed.
func (d *Deployer) rollOut(dep platform.Deployment, svc platform.Service) (platform.Deployment, error) {
	if svc.Type == platform.Cron {
		return d.install(dep, svc)
	}
	bringBack, err := d.makeWay(dep, svc)
	if err != nil {
		return dep, err
	}
	dep, v, err := d.start(dep, svc)
	if err == nil {
		dep, err = d.ready(dep, v)
	}
	if err == nil {
		dep, err = d.swap(dep, svc, v)
	}
	if err != nil {
		d.abort(dep, v)
		bringBack()
	}
	return dep, err
}

// release runs the release command once, for deployments that bring a new image. Spherelets that are
// there already say that it has run: a restart of csphd came after it.
func (d *Deployer) release(dep platform.Deployment, svc platform.Service) error {
	command := dep.Image.Release
	if command == "" || dep.Source.Kind == platform.FromDeployment || len(d.Engine.Spherelets(dep.ID)) > 0 {
		return nil
	}
	d.publish(dep, platform.Event{Kind: platform.EventRelease, Message: "running the release command: " + command})
	log, err := d.Builder.Log(dep.ID)
	if err != nil {
		return fmt.Errorf("open the build log: %w", err)
	}
	defer log.Close()
	log.Step("release command: " + command)
	tail := &tailLog{BuildLog: log}
	set, err := d.setOf(d.ctx, dep, svc)
	if err != nil {
		return err
	}
	exit, err := d.Engine.RunOnce(d.ctx, set, shell(command), tail)
	if err != nil {
		return fmt.Errorf("run the release command: %w", err)
	}
	if exit != 0 {
		return &platform.Failure{
			Reason:  platform.ReleaseCommandFailed,
			Message: fmt.Sprintf("the release command %q exited with status %d; nothing was rolled out", command, exit),
			Hint:    "Mend the command (release in the Procfile) and push again.",
			Tail:    tail.last(),
		}
	}
	return nil
}

// start declares the set and begins to watch it. Clients of a service's first version are told that it is starting.
func (d *Deployer) start(dep platform.Deployment, svc platform.Service) (platform.Deployment, *vigil, error) {
	set, err := d.setOf(d.ctx, dep, svc)
	if err != nil {
		return dep, nil, err
	}
	if svc.Live == "" {
		if _, err := d.route(d.ctx, svc, nil); err != nil {
			return dep, nil, err
		}
	}
	d.publish(dep, platform.Event{Kind: platform.EventStarting, Message: fmt.Sprintf("starting %d × %s (%s vCPU, %d MB)", set.Count, set.Shape.Name, vcpu(set.Shape), set.Shape.Memory>>20) + unresolved(set.Env)})
	if err := d.Engine.Apply(d.ctx, set); err != nil {
		return dep, nil, &platform.Failure{Reason: platform.StartFailed, Message: "the spherelets could not be started: " + err.Error(), Hint: "csphd doctor shows what the machine lacks.", Err: err}
	}
	return dep, d.keepVigil(dep, svc, false), nil
}

// setOf is what the engine is told to run for a deployment.
func (d *Deployer) setOf(ctx context.Context, dep platform.Deployment, svc platform.Service) (platform.Set, error) {
	env, err := d.ownEnv(ctx, dep)
	if err != nil {
		return platform.Set{}, err
	}
	env["PORT"] = strconv.Itoa(dep.Port())
	env["CSPH_SERVICE"], env["CSPH_DEPLOYMENT"] = dep.Name, dep.ID
	if env, err = d.resolveEnv(ctx, svc, env); err != nil {
		return platform.Set{}, err
	}
	shape, _ := platform.ShapeNamed(dep.Config.Shape) // checked when the config was made
	var launch *platform.Launch
	if dep.Image.Runtime != nil {
		launch = dep.Image.Runtime.Launch
	}
	return platform.Set{
		Deployment: dep.ID, Service: dep.Service, Project: svc.Project, Hostname: dep.Name,
		Image: dep.Image, Command: dep.Image.Command, Launch: launch, Env: env, Port: dep.Port(),
		Shape: shape, Count: dep.Config.Count, Grace: orDefault(dep.Config.Grace, defaultGrace),
		Mounts: dep.Config.Volumes, Secret: slices.Sorted(maps.Keys(dep.Config.Secrets)),
	}, nil
}

// secretsOf are the values of a deployment's secret variables, in the versions that it was made with.
func (d *Deployer) secretsOf(ctx context.Context, dep platform.Deployment) (map[string]string, error) {
	if len(dep.Config.Secrets) == 0 {
		return nil, nil
	}
	values, err := d.Secrets(ctx, dep.Service, dep.Config.Secrets)
	if err != nil {
		return nil, fmt.Errorf("read the secrets of deployment %s: %w", dep.ID, err)
	}
	return values, nil
}

// ready waits until every spherelet of the deployment passes its check.
func (d *Deployer) ready(dep platform.Deployment, v *vigil) (platform.Deployment, error) {
	// The probes have the failure timeout for themselves; starting a spherelet takes a moment more.
	ctx, cancel := context.WithTimeoutCause(d.ctx, failureTimeout(dep.Readiness())+defaultFailureTimeout/10, errNotReady)
	defer cancel()
	remind := time.NewTicker(d.Remind)
	defer remind.Stop()
	for {
		l := v.look()
		if err := d.hopeless(dep, l); err != nil {
			return dep, err
		}
		if dep.Status == platform.RollingOut && l.running == dep.Config.Count {
			var err error
			if dep, err = d.advance(dep, platform.StartCheck, nil); err != nil {
				return dep, err
			}
		}
		if dep.Status == platform.HealthCheck && len(l.ready) == dep.Config.Count {
			return dep, nil
		}
		select {
		case <-v.changed:
		case <-remind.C:
			v.wg.Go(v.remind)
		case <-ctx.Done():
			return dep, d.notReady(ctx, dep, l)
		}
	}
}

// hopeless is why a rollout fails before its time is up.
func (d *Deployer) hopeless(dep platform.Deployment, l look) error {
	switch {
	case l.oom:
		return d.outOfMemory(dep)
	case l.exits >= crashLimit && l.lastExit != nil:
		return d.crashed(dep, l)
	case l.unhealthy != "":
		return d.unhealthy(dep, l.unhealthy)
	}
	return nil
}

func (d *Deployer) notReady(ctx context.Context, dep platform.Deployment, l look) error {
	if !errors.Is(context.Cause(ctx), errNotReady) {
		return context.Cause(ctx)
	}
	if l.exits > 0 && l.lastExit != nil {
		return d.crashed(dep, l)
	}
	return d.unhealthy(dep, fmt.Sprintf("%d of %d spherelets run and %d are ready", l.running, dep.Config.Count, len(l.ready)))
}

// swap moves the traffic to the new spherelets and lets the old ones go. From its first line on the
// new version serves; the record follows, so that a crash in between leaves a rollout to be taken up, not a lie.
func (d *Deployer) swap(dep platform.Deployment, svc platform.Service, v *vigil) (platform.Deployment, error) {
	current, err := d.Records.Service(d.ctx, dep.Service)
	if err != nil {
		return dep, err
	}
	old := d.tending(dep.Service)
	defer old.hold()()
	if err := d.awaken(current); err != nil {
		return dep, err
	}
	targets := v.look().ready
	replaced, err := d.route(d.ctx, svc, targets)
	if err != nil {
		return dep, err
	}
	live, err := d.promote(dep, current.Live, "live at "+dep.URL)
	if err != nil {
		d.swapBack(svc, replaced)
		return dep, err
	}
	old.retire()
	d.tend(live, svc, v, targets)
	d.own(func() { d.letGo(current.Live, old, replaced) })
	return live, nil
}

// promote records that a deployment is live, with the events that say so.
func (d *Deployer) promote(dep platform.Deployment, previous, message string) (platform.Deployment, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), writeTimeout)
	defer cancel()
	live, err := d.Records.Promote(ctx, dep.ID, previous,
		platform.Event{Kind: platform.EventVersion, Status: "ACTIVE", Message: "version " + dep.ID + " is active"},
		platform.Event{Kind: platform.EventLive, Status: string(platform.Live), Message: message})
	if err != nil {
		return dep, fmt.Errorf("record that %s is live: %w", dep.ID, err)
	}
	return live, nil
}

// swapBack returns the traffic to the old spherelets after the swap could not be recorded.
func (d *Deployer) swapBack(svc platform.Service, old []netip.AddrPort) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), writeTimeout)
	defer cancel()
	if _, err := d.route(ctx, svc, old); err != nil {
		d.Logger.Error("traffic could not be moved back", "service", svc.Name, "err", err)
	}
}

// abort removes the new spherelets of a rollout that failed.
func (d *Deployer) abort(dep platform.Deployment, v *vigil) {
	if v != nil {
		v.close()
	}
	if d.ctx.Err() != nil {
		return // the server stops: the rollout will be taken up
	}
	d.remove(dep, abortGrace)
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func vcpu(s platform.Shape) string {
	return strconv.FormatFloat(float64(s.MilliCPU)/1000, 'f', -1, 64)
}
