package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"csph/buildpacks"
	"csph/platform"
)

// obtain gets the deployment its image: built, pulled, or carried over from an earlier deployment.
// The image is in the returned record; it is stored when the build is accepted.
func (d *Deployer) obtain(a *attempt, dep platform.Deployment) (platform.Deployment, error) {
	if a.request.Source == nil && a.request.Image == "" {
		return d.carryOver(a, dep)
	}
	leave, err := d.admit(a, dep)
	if err != nil {
		return dep, err
	}
	defer leave()
	dep, err = d.advance(dep, platform.StartBuild, nil)
	if err != nil {
		return dep, err
	}
	ctx, cancel := context.WithTimeoutCause(a.ctx, d.BuildTimeout, errBuildTimeout)
	defer cancel()
	if a.log, err = d.Builder.Log(dep.ID); err != nil {
		return dep, fmt.Errorf("open the build log: %w", err)
	}
	if a.request.Image != "" {
		return d.pull(ctx, a, dep)
	}
	return d.build(ctx, a, dep)
}

// admit waits for the build's turn, and tells what it waits for. A pull waits for nobody.
func (d *Deployer) admit(a *attempt, dep platform.Deployment) (leave func(), err error) {
	if a.request.Image != "" {
		return func() {}, nil
	}
	return d.Builder.Admit(a.ctx, a.service.Account, dep.Service, func(why string) {
		d.publish(dep, platform.Event{Kind: platform.EventBuildQueued, Message: why})
	})
}

var errBuildTimeout = errors.New("build timeout")

// carryOver takes the image of the deployment that the request names. For a config change that is
// whatever is live by now: a push may have come first.
func (d *Deployer) carryOver(a *attempt, dep platform.Deployment) (platform.Deployment, error) {
	id := a.request.From
	if !a.request.Restore && a.request.Trigger.Kind == platform.TriggerConfig {
		svc, err := d.Records.Service(a.ctx, dep.Service)
		if err != nil {
			return dep, err
		}
		if svc.Live != "" {
			id = svc.Live
		}
	}
	from, err := d.Records.Deployment(a.ctx, id)
	if err != nil {
		return dep, err
	}
	if from.Image.Digest == "" {
		return dep, fmt.Errorf("%w: the image of deployment %s is gone", platform.ErrConflict, id)
	}
	dep.Image = from.Image
	return dep, nil
}

// pull fetches the image that the request names.
func (d *Deployer) pull(ctx context.Context, a *attempt, dep platform.Deployment) (platform.Deployment, error) {
	d.publish(dep, platform.Event{Kind: platform.EventPullingImage, Message: "pulling " + a.request.Image})
	image, err := d.Builder.Pull(ctx, dep.ID, a.request.Image)
	if err != nil {
		return dep, d.buildError(ctx, a, err)
	}
	d.publish(dep, platform.Event{Kind: platform.EventImagePulled, Message: "pulled " + image.Digest})
	dep.Image = withRun(image, dep.Config.Run)
	return dep, nil
}

// build makes the image from source: check out, detect, build.
func (d *Deployer) build(ctx context.Context, a *attempt, dep platform.Deployment) (platform.Deployment, error) {
	began := time.Now()
	d.publish(dep, platform.Event{Kind: platform.EventBuild, Status: "RUNNING", Message: "build started"})
	image, err := d.buildImage(ctx, a, dep)
	if err != nil {
		err = d.buildError(ctx, a, err)
		d.publish(dep, platform.Event{Kind: platform.EventBuild, Status: "FAILED", Message: failureOf(err).Message})
		return dep, err
	}
	message := fmt.Sprintf("built in %s", time.Since(began).Round(10*time.Millisecond))
	if a.unchanged {
		message = "nothing to build: unchanged since the live version"
	}
	d.publish(dep, platform.Event{Kind: platform.EventBuild, Status: "FINISHED", Message: message})
	dep.Image = image
	return dep, nil
}

func (d *Deployer) buildImage(ctx context.Context, a *attempt, dep platform.Deployment) (platform.Image, error) {
	dir, err := a.request.Source.Checkout(ctx)
	if err != nil {
		return platform.Image{}, fmt.Errorf("check out the source: %w", err)
	}
	plan, dir, err := d.plan(ctx, dir, dep, a.service.Type == platform.Static)
	if err != nil {
		return platform.Image{}, err
	}
	note(a.request.Source, a.log)
	explain(plan, a.log)
	if err := d.fillBuildEnv(ctx, dep, a.service, plan.Zerops, a.log); err != nil {
		return platform.Image{}, err
	}
	order, err := d.order(ctx, a, dep, dir, plan)
	if err != nil {
		return platform.Image{}, err
	}
	image, err := d.Builder.Build(ctx, order)
	if err != nil {
		return platform.Image{}, err
	}
	a.unchanged = image.Ref == order.Last.Ref
	image.Release, image.Runtime = plan.Release, runtimeOf(plan)
	return withRun(image, plan.Start), nil
}

// plan is what detect says, with versions whose images can be had here wherever the source leaves the choice.
func (d *Deployer) plan(ctx context.Context, dir string, dep platform.Deployment, static bool) (buildpacks.Plan, string, error) {
	plan, folder, err := detect(dir, dep, static, nil)
	if err != nil {
		return plan, folder, err
	}
	if held := d.Builder.Held(ctx, plan); held != nil {
		if other, below, err := detect(dir, dep, static, held); err == nil {
			return other, below, nil
		}
	}
	return plan, folder, nil
}

// detect plans the source in dir, as a site where it has to be one, of the versions in held where some are named, and returns the folder to build: dir, or the one below it that the plan is for. Reads of
// the source stay inside of it, whatever its symbolic links say.
func detect(dir string, dep platform.Deployment, static bool, held map[string][]string) (buildpacks.Plan, string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return buildpacks.Plan{}, "", fmt.Errorf("open the source: %w", err)
	}
	defer root.Close()
	c := dep.Config
	plan, err := buildpacks.Detect(root.FS(), buildpacks.Options{Build: c.Build, Run: c.Run, Service: dep.Name, Setup: c.Setup, Dir: c.Dir, Process: c.Process, Static: static, Held: held})
	if err != nil {
		return plan, "", &platform.Failure{Reason: platform.BuildFailed, Message: err.Error(), Hint: "csph plan shows locally what is detected, without building.", Err: err}
	}
	folder, err := inside(dir, plan.Dir)
	return plan, folder, err
}

// inside is a folder of the source by its real path; a symbolic link that leads out of the source is refused.
func inside(dir, folder string) (string, error) {
	if folder == "" {
		return dir, nil
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("open the source: %w", err)
	}
	target, err := filepath.EvalSymlinks(filepath.Join(root, folder))
	if err != nil {
		return "", fmt.Errorf("open folder %s of the source: %w", folder, err)
	}
	if rel, err := filepath.Rel(root, target); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%w: folder %s of the source leads out of it", platform.ErrInvalid, folder)
	}
	return target, nil
}

// buildError tells the three ways in which a build ends early from one that failed by itself.
func (d *Deployer) buildError(ctx context.Context, a *attempt, err error) error {
	switch {
	case a.ctx.Err() != nil:
		return context.Cause(a.ctx)
	case errors.Is(context.Cause(ctx), errBuildTimeout):
		f := failureOf(err)
		return &platform.Failure{
			Reason:  platform.BuildTimeout,
			Message: fmt.Sprintf("the build was stopped after %s, its hard limit: %s", d.BuildTimeout, f.Message),
			Hint:    "csph logs --build shows the step that did not end.",
			Tail:    f.Tail, Err: err,
		}
	}
	return err
}

// note writes what a source says of the files that it has made available, if anything, into the build log.
func note(source Source, log BuildLog) {
	if says, ok := source.(interface{ Notes() []string }); ok {
		for _, text := range says.Notes() {
			log.Step(text)
		}
	}
}

// explain writes what was detected, and why, into the build log.
func explain(plan buildpacks.Plan, log BuildLog) {
	for _, decision := range plan.Decisions {
		log.Step(decision.What + ": " + decision.Why)
	}
	for _, warning := range plan.Warnings {
		log.Step("warning: " + warning)
	}
}

// withRun lets a start command replace the image's own.
func withRun(image platform.Image, run string) platform.Image {
	if run != "" {
		image.Command = shell(run)
	}
	return image
}

// builtins are what a command line may start with that exec cannot run (POSIX.1-2017 XCU 2.14), and exec itself.
var builtins = []string{"exec", "cd", "export", "set", "unset", "eval", ".", "source", "trap", "ulimit", "umask", "exit", "wait", "case", "if", "for", "while", "until"}

// shell runs a command line as the shell would. A single command replaces the shell, so that signals reach it.
func shell(run string) []string {
	first, _, _ := strings.Cut(strings.TrimSpace(run), " ")
	if !slices.Contains(builtins, first) && !strings.ContainsAny(run, ";&|<>(){}=#!\n`") {
		run = "exec " + run
	}
	return []string{"/bin/sh", "-c", run}
}

// publicEnv is the part of a service's variables that is meant for browsers, so that a build may bake it in.
func publicEnv(env map[string]string) map[string]string {
	public := map[string]string{}
	for name, value := range env {
		for _, prefix := range []string{"NEXT_PUBLIC_", "NUXT_PUBLIC_", "VITE_", "PUBLIC_", "REACT_APP_", "GATSBY_"} {
			if strings.HasPrefix(name, prefix) {
				public[name] = value
			}
		}
	}
	return public
}
