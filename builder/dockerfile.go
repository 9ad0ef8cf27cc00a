package builder

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"csph/platform"
)

const (
	dockerfileFrontend = "dockerfile.v0"
	contextMount       = "context"
	dockerfileMount    = "dockerfile"
)

// dockerfile prepares a build by BuildKit's own Dockerfile frontend. Its result is taken back as LLB, so
// that every RUN gets the same cgroup and settings as the steps of a plan, and is then solved.
func (s *solve) dockerfile(ctx context.Context) (runner, error) {
	if err := s.dockerfileBases(ctx); err != nil {
		return nil, err
	}
	attrs := s.dockerfileAttrs()
	if !s.fickle {
		if err := s.note(attrs); err != nil {
			return nil, err
		}
	}
	for k, v := range s.request.Labels {
		attrs["label:"+k] = v
	}
	build := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := c.Solve(ctx, gateway.SolveRequest{Frontend: dockerfileFrontend, FrontendOpt: attrs})
		if err != nil {
			return nil, err
		}
		return s.resolve(ctx, c, res)
	}
	return func(ctx context.Context, c *client.Client, status chan *client.SolveStatus) error {
		_, err := c.Build(ctx, s.options, "", build, status)
		return err
	}, nil
}

func (s *solve) dockerfileAttrs() map[string]string {
	attrs := map[string]string{
		"filename":           s.request.Plan.Dockerfile,
		"image-resolve-mode": pb.AttrImageResolveModePreferLocal,
		// With a command line given, the frontend does not hand over to the image of a "# syntax" line.
		"cmdline": dockerfileFrontend,
	}
	for k, v := range s.request.Env {
		attrs["build-arg:"+k] = v
	}
	maps.Copy(attrs, s.contexts)
	return attrs
}

// resolve equips what the frontend made and orders it; the image's configuration comes along.
func (s *solve) resolve(ctx context.Context, c gateway.Client, res *gateway.Result) (*gateway.Result, error) {
	ref, err := res.SingleRef()
	if err != nil {
		return nil, fmt.Errorf("take the result of the Dockerfile: %w", err)
	}
	if ref == nil {
		return res, nil // FROM scratch and nothing more
	}
	st, err := ref.ToState()
	if err != nil {
		return nil, fmt.Errorf("take the steps of the Dockerfile: %w", err)
	}
	def, err := st.Marshal(ctx, llb.LinuxAmd64)
	if err != nil {
		return nil, fmt.Errorf("take the steps of the Dockerfile: %w", err)
	}
	var refused error
	var added []*pb.SourceOp
	equip := s.equip()
	equipped, err := s.rewrite(def.ToPB(), func(op *pb.Op) {
		equip(op)
		if source := op.GetSource(); refused == nil && addedFrom(source) {
			refused, added = s.refuseSource(ctx, source), append(added, source)
		}
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	for _, source := range added {
		s.noteAdded(ctx, c, source)
	}
	out, err := c.Solve(ctx, gateway.SolveRequest{Definition: equipped})
	if err != nil {
		return nil, err
	}
	for k, v := range res.Metadata {
		out.AddMeta(k, v)
	}
	return out, nil
}

// refuseSource keeps ADD from addresses that RUN cannot reach either: buildkitd itself downloads them, outside
// the fence of the steps.
func (s *solve) refuseSource(ctx context.Context, src *pb.SourceOp) error {
	text := strings.TrimPrefix(src.Identifier, "git://")
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("read the address %q of ADD: %w", src.Identifier, err)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil // it cannot be downloaded, and BuildKit says so better
	}
	for _, a := range addrs {
		if privateAddress(a.Unmap()) {
			return &platform.Failure{
				Reason:  platform.BuildFailed,
				Message: fmt.Sprintf("the Dockerfile adds %s, which is an address of a private network (%s)", src.Identifier, a),
				Hint:    "put the file into the source, or serve it from a public address",
			}
		}
	}
	return nil
}

func privateAddress(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || fenced(a)
}

func (s *solve) equip() func(*pb.Op) {
	var secrets []string
	if s.request.Plan.Dockerfile == "" { // a Dockerfile says itself which RUN gets which secret
		secrets = slices.Sorted(maps.Keys(s.request.Secrets))
	}
	return equip(s.builder.cgroup(s.request.Service).Path(), s.builder.config.Settings, secrets)
}
