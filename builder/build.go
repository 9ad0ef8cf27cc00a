package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"

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
	return image, b.label(ctx, image, s.inputs)
}

// prepare reads the source and makes the base images ready; what it returns does the rest.
func (s *solve) prepare(ctx context.Context) (runner, error) {
	var err error
	s.survey, err = surveySource(ctx, s.source(), s.request.Plan.Steps, insideSource(s.request.Plan.Copy)...)
	if err != nil {
		return nil, err
	}
	if server := s.options.LocalMounts[serverMount]; server != nil {
		found, err := surveySource(ctx, server, nil)
		if err != nil {
			return nil, err
		}
		s.server = found.digest
	}
	if s.request.Plan.Dockerfile != "" {
		return s.dockerfile(ctx)
	}
	return s.plan(ctx)
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
	s.options.FrontendAttrs = attested()
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

// solve is one order to BuildKit.
type solve struct {
	builder  *Builder
	request  Request
	log      *Log
	progress *progress
	options  client.SolveOpt
	contexts map[string]string // more build contexts of a Dockerfile, as the frontend's attributes

	survey survey
	server string // digest of csph's file server, for sites
	bases  []base // all images that the build starts or copies from
	onto   base   // the one that the result is on; zero where that is not known before
	fickle bool   // the same order may bring something else tomorrow
	inputs string // digest of all that the image is made of; empty when the build is fickle
}

// base makes a base image ready; "" is the empty image.
func (s *solve) base(ctx context.Context, name string) (base, error) {
	found, err := s.builder.bases.get(ctx, name, s.log)
	if err == nil && name != "" {
		s.bases = append(s.bases, found)
	}
	return found, err
}

// runner hands the prepared build to BuildKit.
type runner func(ctx context.Context, c *client.Client, status chan *client.SolveStatus) error

func (b *Builder) newSolve(r Request, log *Log) (*solve, error) {
	mounts, err := mountsOf(r)
	if err == nil && r.Plan.Site != nil {
		mounts[serverMount], err = serverFS(b.config.BinDir)
	}
	if err != nil {
		return nil, err
	}
	s := &solve{builder: b, request: r, log: log, progress: newProgress(log)}
	s.progress.mask = maskOf(r, b.config.Settings)
	log.hide(s.progress.mask)
	s.options = client.SolveOpt{
		SharedKey:   r.Service, // unchanged files of the service are not sent again
		LocalMounts: mounts,
		Session:     []session.Attachable{secretsprovider.FromMap(s.secrets())},
		Exports: []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{
			"name": imageName(r.Service, r.Deployment), "unpack": "true", "compression": "uncompressed", "oci-mediatypes": "true",
		}}},
	}
	return s, nil
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
	p, err := s.settleBases(ctx, s.request.Plan)
	if err != nil {
		return nil, err
	}
	build, err := s.base(ctx, p.BuildImage)
	if err != nil {
		return nil, err
	}
	run, err := s.base(ctx, p.RunImage)
	if err != nil {
		return nil, err
	}
	s.onto = run
	for _, c := range slices.Concat(p.Tools, p.Copy) {
		if c.Image == "" {
			continue
		}
		if _, err := s.base(ctx, c.Image); err != nil {
			return nil, err
		}
	}
	def, err := s.definition(ctx, p, build, run)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(s.dated(imageConfig(p, run)))
	if err != nil {
		return nil, fmt.Errorf("encode the image's configuration: %w", err)
	}
	s.options.Exports[0].Attrs[exptypes.ExporterImageConfigKey] = string(config)
	return def, nil
}

// dated puts the request's labels on the image, and as the time of its making that of the source's newest file:
// the same source makes the same image.
func (s *solve) dated(img ocispecs.Image) ocispecs.Image {
	for k, v := range s.request.Labels {
		if _, set := img.Config.Labels[k]; !set {
			img.Config.Labels[k] = v
		}
	}
	if newest := s.survey.newest; !newest.IsZero() {
		img.Created = &newest
		img.Config.Labels[ocispecs.AnnotationCreated] = newest.Format(time.RFC3339)
		s.options.Exports[0].Attrs[string(exptypes.OptKeySourceDateEpoch)] = strconv.FormatInt(newest.Unix(), 10)
	}
	return img
}

func (s *solve) definition(ctx context.Context, p buildpacks.Plan, build, run base) (*llb.Definition, error) {
	undated, err := planDefinition(ctx, s.request.Service, p, build, run, s.request.Env, survey{})
	if err != nil {
		return nil, err
	}
	settled, err := rewrite(undated.ToPB(), forgetSession)
	if err != nil {
		return nil, err
	}
	if err := s.note([]any{settled.Def, imageConfig(p, run)}); err != nil {
		return nil, err
	}
	def, err := planDefinition(ctx, s.request.Service, p, build, run, s.request.Env, s.survey)
	if err != nil {
		return nil, err
	}
	equipped, err := s.rewrite(def.ToPB(), s.equip())
	if err != nil {
		return nil, err
	}
	out := &llb.Definition{Constraints: def.Constraints}
	out.FromPB(equipped)
	return out, nil
}

// rewrite is the package's rewrite; with NoCache, no operation takes its result from the cache.
func (s *solve) rewrite(def *pb.Definition, change func(*pb.Op)) (*pb.Definition, error) {
	out, err := rewrite(def, change)
	if err != nil || !s.request.NoCache {
		return out, err
	}
	for _, b := range out.Def {
		name := digest.FromBytes(b).String()
		if out.Metadata[name] == nil {
			out.Metadata[name] = &pb.OpMetadata{}
		}
		out.Metadata[name].IgnoreCache = true
	}
	return out, nil
}
