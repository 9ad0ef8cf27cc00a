package builder

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/buildpacks"
)

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
	run, err := s.runBase(ctx, p)
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
