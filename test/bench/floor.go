package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/moby/buildkit/client"

	"csph/builder"
	"csph/buildpacks"
	"csph/host"
)

// floor does a server's work with its BuildKit and its containerd alone: no csphd is asked.
type floor struct {
	server   *server
	instance *host.Instance
	engine   *containerd.Client
	builder  *builder.Builder // tells what a build would hand to BuildKit; it does not run
	network  host.Network
	address  netip.Addr
}

// floorProject names the network of the floor's containers; no project of csphd is called so.
const floorProject = "prj_floor"

func newFloor(ctx context.Context, s *server) (*floor, error) {
	f := &floor{server: s}
	var err error
	if f.instance, err = host.Open(s.state); err != nil {
		return nil, err
	}
	socket := filepath.Join(s.state, "containerd", "containerd.sock")
	if f.engine, err = containerd.New(socket); err != nil {
		return nil, fmt.Errorf("connect to containerd: %w", err)
	}
	settings, err := builder.ReadHostSettings(ctx)
	if err != nil {
		return nil, err
	}
	f.builder, err = builder.New(builder.Config{
		Host: f.instance, BinDir: s.bin, Containerd: socket, Settings: settings, BaseDir: cmp.Or(os.Getenv("CSPHD_BASE_DIR"), "/var/cache/csph/bases"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	if f.network, err = f.instance.JoinNetwork(floorProject); err != nil {
		return nil, err
	}
	f.address = f.network.Gateway.Next()
	return f, nil
}

func (f *floor) close() error {
	return errors.Join(f.instance.LeaveNetwork(floorProject), f.engine.Close())
}

// order is the build of a source tree, ready to be handed to BuildKit. The floor has caches of its own.
func (f *floor) order(ctx context.Context, app, dir, build string) (builder.Order, error) {
	plan, err := buildpacks.Detect(os.DirFS(dir), buildpacks.Options{})
	if err != nil {
		return builder.Order{}, fmt.Errorf("detect %s: %w", dir, err)
	}
	return f.builder.Order(ctx, builder.Request{Deployment: build, Service: "floor-" + app, Dir: dir, Plan: plan})
}

// solve hands the order to BuildKit and returns the name of the image.
func (f *floor) solve(ctx context.Context, o builder.Order) (string, error) {
	c, err := client.New(ctx, "unix://"+filepath.Join(f.server.state, "buildkit", "buildkitd.sock"))
	if err != nil {
		return "", fmt.Errorf("connect to buildkitd: %w", err)
	}
	defer c.Close()
	if _, err := c.Solve(ctx, o.Definition, o.Options, nil); err != nil {
		return "", fmt.Errorf("solve: %w", err)
	}
	return o.Options.Exports[0].Attrs["name"], nil
}

// run starts the image as plainly as containerd can, on a network like csph's, and returns after the first
// answer with 200.
func (f *floor) run(ctx context.Context, image, id string) (remove func() error, err error) {
	ctx = namespaces.WithNamespace(ctx, builder.Namespace)
	img, err := f.engine.GetImage(ctx, image)
	if err != nil {
		return nil, fmt.Errorf("find image %s: %w", image, err)
	}
	c, err := f.engine.NewContainer(ctx, id, containerd.WithImage(img),
		containerd.WithSnapshotter("overlayfs"), containerd.WithNewSnapshot(id, img),
		containerd.WithNewSpec(oci.WithDefaultSpec(), oci.WithImageConfig(img), oci.WithEnv([]string{"PORT=8080"}),
			oci.WithCgroup(f.instance.AppCgroup(id).Path())),
		containerd.WithRuntime("io.containerd.runc.v2", &runcoptions.Options{BinaryName: filepath.Join(f.server.bin, "runc")}))
	if err != nil {
		return nil, fmt.Errorf("make container: %w", err)
	}
	task, err := c.NewTask(ctx, cio.NullIO)
	if err != nil {
		return nil, fmt.Errorf("make task: %w", err)
	}
	if err := f.instance.Attach(f.network, f.address, int(task.Pid())); err != nil {
		return nil, err
	}
	if err := task.Start(ctx); err != nil {
		return nil, fmt.Errorf("start task: %w", err)
	}
	return func() error { return f.remove(ctx, c, task) }, f.firstAnswer(ctx, netip.AddrPortFrom(f.address, 8080).String())
}

// firstAnswer asks as tightly as can be.
func (f *floor) firstAnswer(ctx context.Context, addr string) error {
	url := "http://" + addr + "/"
	for deadline := time.Now().Add(askTimeout); ; time.Sleep(time.Millisecond) {
		_, err := get(ctx, url, "")
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (f *floor) remove(ctx context.Context, c containerd.Container, task containerd.Task) error {
	_, err := task.Delete(ctx, containerd.WithProcessKill)
	return errors.Join(err, c.Delete(ctx, containerd.WithSnapshotCleanup), f.instance.Detach(f.address),
		f.instance.AppCgroup(c.ID()).Remove(ctx))
}
