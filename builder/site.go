package builder

import (
	"context"
	"encoding/json"
	"fmt"
	"path"

	"github.com/moby/buildkit/client/llb"

	"csph/buildpacks"
)

// withServer adds to the image of a site what csph's file server is to serve, and the server where the run image is not
// the one that has it.
func withServer(st llb.State, run base, p buildpacks.Plan) (llb.State, error) {
	if p.Site == nil {
		return st, nil
	}
	config, err := json.Marshal(p.Site)
	if err != nil {
		return st, fmt.Errorf("write how the site is served: %w", err)
	}
	if run.server != "" {
		folder := path.Dir(buildpacks.SiteServer)
		op := llb.Copy(base{name: run.server}.state(), folder, folder, &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true}, llb.WithCreatedTime(preparedAt))
		st = st.File(op, llb.WithCustomName("[internal] add csph's file server"))
	}
	return st.File(files(map[string]string{buildpacks.SiteConfig: string(config)}, preparedAt), llb.WithCustomName("write how the site is served")), nil
}

// runBase makes the image ready that the result is on: the plan's, or for a site without one csph's file server.
func (s *solve) runBase(ctx context.Context, p buildpacks.Plan) (base, error) {
	run, err := s.base(ctx, p.RunImage)
	if err != nil || p.Site == nil {
		return run, err
	}
	server, err := s.builder.bases.server(ctx)
	if err != nil {
		return run, err
	}
	s.bases = append(s.bases, server)
	if p.RunImage == "" {
		return server, nil
	}
	run.server = server.name
	return run, nil
}

// startCommand is what a spherelet of a plan's image runs; nil for the image's own.
func startCommand(p buildpacks.Plan) []string {
	switch {
	case p.Start != "":
		return shellCommand(p.Start)
	case p.Site != nil:
		return []string{buildpacks.SiteServer}
	}
	return nil
}
