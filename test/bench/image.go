package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

// serveImage offers helloImage in a registry of this process, until stop is called.
func serveImage(ctx context.Context, b *bench, dir string) (ref string, stop func(), err error) {
	image, err := helloImage(ctx, b, dir)
	if err != nil {
		return "", nil, fmt.Errorf("make an image: %w", err)
	}
	local := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	named, err := name.ParseReference(strings.TrimPrefix(local.URL, "http://")+"/bench/hello:1", name.Insecure)
	if err == nil {
		err = remote.Write(named, image, remote.WithContext(ctx))
	}
	if err != nil {
		local.Close()
		return "", nil, fmt.Errorf("push the image: %w", err)
	}
	return named.String(), local.Close, nil
}

// deployImage makes a service and returns when the image is live as it.
func (s *server) deployImage(ctx context.Context, service, image string) error {
	if _, err := s.client.CreateService(ctx, wire.NewService{Name: service}); err != nil {
		return err
	}
	d, err := s.client.DeployImage(ctx, service, wire.NewDeployment{Image: image})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for e, err := range s.client.Events(ctx, client.EventQuery{Deployment: d.ID, Follow: true}) {
		switch {
		case err != nil:
			return fmt.Errorf("deploy %s: %w", service, err)
		case e.Kind == platform.EventLive:
			return nil
		case e.Settles():
			return fmt.Errorf("deploy %s: %s", service, e.Message)
		}
	}
	return fmt.Errorf("deploy %s: its events ended", service)
}

// helloImage is the sample Go app alone in an image.
func helloImage(ctx context.Context, b *bench, dir string) (v1.Image, error) {
	binary := filepath.Join(dir, "bench-hello")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	cmd.Dir = filepath.Join(b.root, "test", "apps", "go-hello")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w: %s", err, out)
	}
	archive := binary + ".tar"
	if out, err := exec.CommandContext(ctx, "tar", "-C", dir, "-cf", archive, filepath.Base(binary)).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("tar: %w: %s", err, out)
	}
	layer, err := tarball.LayerFromFile(archive)
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Cmd = []string{"/" + filepath.Base(binary)}
	return mutate.ConfigFile(image, config)
}
