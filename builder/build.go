package builder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tonistiigi/fsutil"

	"csph/host"
	"csph/platform"
)

var errTimeout = errors.New("the build took too long")

// Build blocks until the image is in the engine's store, ready to run, and writes the build's log as it
// goes. Cancelling ctx kills the running step at once. Errors that are the user's are *platform.Failure.
func (b *Builder) Build(ctx context.Context, r Request) (platform.Image, error) {
	if err := r.validate(); err != nil {
		return platform.Image{}, err
	}
	log, err := b.logs.acquire(r.Deployment)
	if err != nil {
		return platform.Image{}, err
	}
	defer log.Close()
	if err := b.gate.enter(ctx, r.Service); err != nil {
		return platform.Image{}, err
	}
	defer b.gate.leave(r.Service)
	if err := b.awaitDaemon(ctx); err != nil {
		return platform.Image{}, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, b.config.Limits.Timeout, errTimeout)
	defer cancel()
	image, err := b.build(limited, r, log)
	if err != nil && limited.Err() != nil {
		b.noteCanceled()
	}
	return image, err
}

// startTimeout is how long a build waits for a buildkitd that is being started.
const startTimeout = 2 * time.Minute

func (b *Builder) awaitDaemon(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := b.daemon.WaitReady(waiting)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return &platform.Failure{
		Reason: platform.Internal, Message: "the build daemon does not start",
		Hint: "ask the machine's operator to look at logs/buildkitd.log in csphd's state folder, and to run `csphd doctor`", Err: err,
	}
}

func (b *Builder) build(ctx context.Context, r Request, log *Log) (platform.Image, error) {
	s, err := b.newSolve(r, log)
	if err != nil {
		return platform.Image{}, err
	}
	run, err := s.prepare(ctx)
	if err != nil {
		return platform.Image{}, s.failure(ctx, err)
	}
	same, err := s.unchanged(ctx)
	if err != nil {
		return platform.Image{}, err
	}
	if same {
		log.Step("nothing to build: source, plan and base images are those of the live version (csph deploy --no-cache builds all the same)")
		return r.Last, nil
	}
	image, err := s.make(ctx, run)
	if err != nil {
		return platform.Image{}, err
	}
	log.Step(s.sizes(image))
	return image, s.label(ctx, image)
}

// prepare reads the source and makes the base images ready; what it returns does the rest.
func (s *solve) prepare(ctx context.Context) (runner, error) {
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	if s.request.Plan.Dockerfile != "" {
		return s.dockerfile(ctx)
	}
	return s.plan(ctx)
}

// look reads the source.
func (s *solve) look(ctx context.Context) error {
	var err error
	s.survey, err = surveySource(ctx, s.source(), slices.Concat(s.request.Plan.Steps, s.request.Plan.RunSteps), insideSource(s.request.Plan.Copy)...)
	return err
}

// source is what BuildKit may ask for of the source.
func (s *solve) source() fsutil.FS {
	if s.request.Plan.Dockerfile != "" {
		return s.options.LocalMounts[contextMount]
	}
	return s.options.LocalMounts[sourceMount]
}

// make builds the image, within the limits of a build.
func (s *solve) make(ctx context.Context, run runner) (platform.Image, error) {
	b, r := s.builder, s.request
	cgroup := b.cgroup(r.Service)
	if err := cgroup.Apply(host.Limits{MilliCPU: b.config.Limits.MilliCPU, Memory: b.config.Limits.Memory}); err != nil {
		return platform.Image{}, fmt.Errorf("limit the build: %w", err)
	}
	defer b.releaseCgroup(ctx, cgroup)
	b.oom.begin(cgroup.Path())
	s.began = time.Now()
	err := s.run(ctx, run)
	if ctx.Err() == nil && b.oom.verdict(b.inNamespace(ctx), b.engine, cgroup.Path()) {
		return platform.Image{}, s.outOfMemory(err)
	}
	if err != nil {
		return platform.Image{}, s.failure(ctx, err)
	}
	return b.builtImage(ctx, r)
}

// cgroup is the parent of a build's steps. It is named after the service, not the deployment: its path is part of
// BuildKit's cache keys, and builds of one service never overlap.
func (b *Builder) cgroup(service string) host.Cgroup { return b.config.Host.BuildCgroup(service) }

// releaseCgroup ends whatever a build left running and removes its cgroup.
func (b *Builder) releaseCgroup(ctx context.Context, c host.Cgroup) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cgroupTimeout)
	defer cancel()
	if err := errors.Join(c.Kill(ctx), c.Remove(ctx)); err != nil {
		b.config.Logger.Warn("the cgroup of a build stays behind", "err", err)
	}
}
