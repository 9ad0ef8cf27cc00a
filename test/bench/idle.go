package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/sync/errgroup"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

const (
	idleSize      = 64 << 20 // of csphd without its children
	idleGrowth    = 20 << 20 // by so many idle services:
	idleServices  = 100
	deployAtOnce  = 4
	settleTimeout = 3 * time.Minute // the Go runtime collects garbage every two minutes when nothing happens
)

// measureIdle compares csphd's resident size with nothing and, at first with idleServices services live.
func measureIdle(ctx context.Context, b *bench, report func(figure)) (err error) {
	s, err := startServer(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	before, err := s.settledSize(ctx, idleSize)
	if err != nil {
		return err
	}
	report(growthOf("resident size of csphd, idle", before, 0, idleSize))
	began := time.Now()
	if err := s.deployIdle(ctx, b); err != nil {
		return err
	}
	b.note("%d services are live after %s", idleServices, time.Since(began).Round(time.Second))
	after, err := s.settledSize(ctx, before+idleGrowth)
	if err != nil {
		return err
	}
	report(growthOf(fmt.Sprintf("resident size with %d idle services", idleServices), after, before, idleGrowth))
	return nil
}

// settledSize is the resident size of csphd, once it is below limit; the size at the deadline when it never is.
func (s *server) settledSize(ctx context.Context, limit int64) (int64, error) {
	for deadline := time.Now().Add(settleTimeout); ; {
		size, err := residentSize(s.cmd.Process.Pid)
		if err != nil || size < limit || time.Now().After(deadline) {
			return size, err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// residentSize is VmRSS of proc(5), in bytes.
func residentSize(pid int) (int64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(status), "VmRSS:")
	if !found {
		return 0, fmt.Errorf("process %d has no resident size", pid)
	}
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kilobytes << 10, err
}

// deployIdle deploys one image as idleServices services, from a registry of this process.
func (s *server) deployIdle(ctx context.Context, b *bench) error {
	local := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer local.Close()
	image, err := helloImage(ctx, b, s.state)
	if err != nil {
		return fmt.Errorf("make an image: %w", err)
	}
	ref, err := name.ParseReference(strings.TrimPrefix(local.URL, "http://")+"/bench/hello:1", name.Insecure)
	if err != nil {
		return err
	}
	if err := remote.Write(ref, image, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("push the image: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(deployAtOnce)
	for n := range idleServices {
		g.Go(func() error { return s.deployOne(ctx, "idle-"+strconv.Itoa(n), ref.String()) })
	}
	return g.Wait()
}

func (s *server) deployOne(ctx context.Context, service, image string) error {
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
