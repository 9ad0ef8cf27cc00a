package deploy

import (
	"context"
	"maps"

	"csph/buildpacks"
	"csph/buildpacks/zerops"
	"csph/platform"
)

// runtimeOf is what a plan says about running its image; nil when it says nothing.
func runtimeOf(plan buildpacks.Plan) *platform.Runtime {
	z := plan.Zerops
	if z == nil {
		return nil
	}
	r := &platform.Runtime{Env: z.Run.Env, Launch: launchOf(z.Run, plan.Start), TemporaryShutdown: z.Deploy.TemporaryShutdown}
	if c := z.Deploy.ReadinessCheck; c != nil {
		ready := checkOf(c.Probe)
		ready.FailureTimeout, ready.RetryPeriod = c.FailureTimeout, c.RetryPeriod
		r.Ready = &ready
	}
	if c := z.Run.HealthCheck; c != nil {
		r.Health = &platform.Health{
			Check: checkOf(c.Probe), Failure: c.FailureTimeout, Disconnect: c.DisconnectTimeout,
			Recovery: c.RecoveryTimeout, Period: c.ExecPeriod,
		}
	}
	for _, c := range z.Run.Crontab {
		r.Schedules = append(r.Schedules, platform.Schedule{Command: c.Command, Timing: c.Timing, All: c.AllContainers, Dir: c.WorkingDir})
	}
	return r
}

func checkOf(p zerops.Probe) platform.Check {
	if g := p.HTTPGet; g != nil {
		return platform.Check{Path: g.Path, Port: g.Port, Host: g.Host, Scheme: g.Scheme}
	}
	return platform.Check{Exec: p.Exec}
}

// launchOf is nil where the start command alone will do: then there is no process between it and its signals.
func launchOf(run zerops.Run, start string) *platform.Launch {
	l := &platform.Launch{Init: run.InitCommands}
	if e := run.EnvReplace; e != nil {
		l.Replace = &platform.Replacement{Delimiters: e.Delimiter, Targets: e.Target}
	}
	plain := l.Replace == nil && len(l.Init) == 0
	for _, p := range run.Processes() {
		plain = plain && p.WorkingDir == "" && len(p.InitCommands) == 0
		l.Processes = append(l.Processes, platform.Process{Name: p.Name, Command: p.Command, Dir: p.WorkingDir, Init: p.InitCommands})
	}
	if len(l.Processes) == 0 {
		l.Processes = []platform.Process{{Command: start}}
	}
	if plain && len(l.Processes) == 1 {
		return nil
	}
	return l
}

// fillBuildEnv resolves the references in a plan's build variables: ${RUNTIME_X} is X of the service, ${service_X}
// X of another one.
func (d *Deployer) fillBuildEnv(ctx context.Context, dep platform.Deployment, svc platform.Service, z *zerops.Plan, log BuildLog) error {
	if z == nil || len(z.BuildEnv) == 0 {
		return nil
	}
	own, err := d.ownEnv(ctx, dep)
	if err != nil {
		return err
	}
	all := maps.Clone(z.BuildEnv)
	for name, value := range own {
		all["RUNTIME_"+name] = value
	}
	resolved, err := d.resolveEnv(ctx, svc, all)
	if err != nil {
		return err
	}
	env := make(map[string]string, len(z.BuildEnv))
	for name := range z.BuildEnv {
		env[name] = resolved[name]
		for _, left := range reference.FindAllString(resolved[name], -1) {
			log.Step("warning: build.envVariables: " + left + " of " + name + " is not known and stays as it is written")
		}
	}
	z.BuildEnv = env
	return nil
}
