package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"

	"csph/buildpacks"
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
	cgroup := b.cgroup(r.Service)
	if err := cgroup.Apply(host.Limits{MilliCPU: b.config.Limits.MilliCPU, Memory: b.config.Limits.Memory}); err != nil {
		return platform.Image{}, fmt.Errorf("limit the build: %w", err)
	}
	defer b.releaseCgroup(ctx, cgroup)
	prepare := s.plan
	if r.Plan.Dockerfile != "" {
		prepare = s.dockerfile
	}
	run, err := prepare(ctx)
	if err != nil {
		return platform.Image{}, s.failure(ctx, err)
	}
	b.oom.begin(cgroup.Path())
	err = s.run(ctx, run)
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

// solve is one order to BuildKit.
type solve struct {
	builder  *Builder
	request  Request
	log      *Log
	progress *progress
	options  client.SolveOpt
	contexts map[string]string // more build contexts of a Dockerfile, as the frontend's attributes
}

// runner hands the prepared build to BuildKit.
type runner func(ctx context.Context, c *client.Client, status chan *client.SolveStatus) error

func (b *Builder) newSolve(r Request, log *Log) (*solve, error) {
	mounts, err := sourceMounts(r.Dir, r.Plan.Dockerfile)
	if err != nil {
		return nil, err
	}
	return &solve{
		builder: b, request: r, log: log, progress: newProgress(log),
		options: client.SolveOpt{
			SharedKey:   r.Service, // unchanged files of the service are not sent again
			LocalMounts: mounts,
			Session:     []session.Attachable{secretsprovider.FromMap(b.config.Settings.secrets())},
			Exports: []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{
				"name": imageName(r.Service, r.Deployment), "unpack": "true", "compression": "uncompressed", "oci-mediatypes": "true",
			}}},
		},
	}, nil
}

// run solves and follows the progress to its end.
func (s *solve) run(ctx context.Context, run runner) error {
	c, err := s.builder.buildkit(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	status := make(chan *client.SolveStatus)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		s.progress.follow(status)
	}()
	err = run(ctx, c, status)
	<-followed
	return err
}

// plan prepares a plan that has no Dockerfile.
func (s *solve) plan(ctx context.Context) (runner, error) {
	def, err := s.order(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, c *client.Client, status chan *client.SolveStatus) error {
		_, err := c.Solve(ctx, def, s.options, status)
		return err
	}, nil
}

// order makes the base images ready, and completes the options of the definition that it returns.
func (s *solve) order(ctx context.Context) (*llb.Definition, error) {
	p := s.request.Plan
	build, err := s.builder.bases.get(ctx, p.BuildImage, s.log)
	if err != nil {
		return nil, err
	}
	run, err := s.builder.bases.get(ctx, p.RunImage, s.log)
	if err != nil {
		return nil, err
	}
	def, err := s.definition(ctx, p, build, run)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(imageConfig(p, run))
	if err != nil {
		return nil, fmt.Errorf("encode the image's configuration: %w", err)
	}
	s.options.Exports[0].Attrs[exptypes.ExporterImageConfigKey] = string(config)
	return def, nil
}

func (s *solve) definition(ctx context.Context, p buildpacks.Plan, build, run base) (*llb.Definition, error) {
	def, err := planDefinition(ctx, s.request.Service, p, build, run, s.request.Env)
	if err != nil {
		return nil, err
	}
	equipped, err := rewrite(def.ToPB(), s.equip())
	if err != nil {
		return nil, err
	}
	out := &llb.Definition{Constraints: def.Constraints}
	out.FromPB(equipped)
	return out, nil
}
