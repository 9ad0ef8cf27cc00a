package builder

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/platform"
)

// builtImage reads back what a build has left in the engine's store.
func (b *Builder) builtImage(ctx context.Context, r Request) (platform.Image, error) {
	ctx = b.inNamespace(ctx)
	found, err := b.engine.GetImage(ctx, imageName(r.Service, r.Deployment))
	if err != nil {
		return platform.Image{}, fmt.Errorf("find the image that was built: %w", err)
	}
	image, err := describe(ctx, found)
	if err != nil {
		return platform.Image{}, err
	}
	image.Release = r.Plan.Release
	if start := startCommand(r.Plan); start != nil {
		image.Command = start
	}
	if r.Plan.Port != 0 {
		image.Port = r.Plan.Port
	}
	return image, nil
}

// describe is what an image in the store says about itself.
func describe(ctx context.Context, found containerd.Image) (platform.Image, error) {
	spec, err := found.Spec(ctx)
	if err != nil {
		return platform.Image{}, fmt.Errorf("read the configuration of image %s: %w", found.Name(), err)
	}
	size, err := found.Size(ctx)
	if err != nil {
		return platform.Image{}, fmt.Errorf("measure image %s: %w", found.Name(), err)
	}
	return platform.Image{
		Ref: found.Name(), Digest: found.Target().Digest.String(), Size: size,
		Command: slices.Concat(spec.Config.Entrypoint, spec.Config.Cmd),
		Port:    exposedPort(spec.Config),
	}, nil
}

// exposedPort is the single TCP port that an image exposes; 0 when there is none, or no single one.
func exposedPort(c ocispecs.ImageConfig) int {
	port := 0
	for exposed := range c.ExposedPorts {
		number, protocol, _ := strings.Cut(exposed, "/")
		n, err := strconv.Atoi(number)
		if err != nil || protocol == "udp" {
			continue
		}
		if port != 0 {
			return 0
		}
		port = n
	}
	return port
}

// sizes says how large an image is, and how much of that its base is.
func (s *solve) sizes(image platform.Image) string {
	text := "image " + megabytes(image.Size)
	if s.onto.name == "" {
		return text
	}
	if s.onto.slimmedFor(s.request.Plan) {
		return fmt.Sprintf("%s, on %s (%s) without what only builds need", text, displayName(s.onto.name), megabytes(s.onto.size))
	}
	return fmt.Sprintf("%s: %s of %s and %s of its own", text, megabytes(s.onto.size), displayName(s.onto.name), megabytes(max(0, image.Size-s.onto.size)))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
