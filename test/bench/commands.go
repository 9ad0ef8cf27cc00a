package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/moby/buildkit/client/llb"

	"csph/builder"
	"csph/test/port"
)

// buildctl has the order done by `buildctl build`, of the source in dir, and returns the name of the image.
func (f *floor) buildctl(ctx context.Context, o builder.Order, dir string) (string, error) {
	var definition bytes.Buffer
	if err := llb.WriteTo(o.Definition, &definition); err != nil {
		return "", fmt.Errorf("write the definition: %w", err)
	}
	output, err := exporterOption(o.Options.Exports[0].Type, o.Options.Exports[0].Attrs)
	if err != nil {
		return "", err
	}
	args := []string{"--addr", "unix://" + filepath.Join(f.server.state, "buildkit", "buildkitd.sock"), "build", "--progress", "plain", "--output", output}
	for name := range o.Options.LocalMounts {
		args = append(args, "--local", name+"="+dir)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(f.server.bin, "buildctl"), args...)
	cmd.Stdin = &definition
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("buildctl: %w\n%s", err, out)
	}
	return o.Options.Exports[0].Attrs["name"], nil
}

// exporterOption is an exporter with its attributes as buildctl reads them: one line of CSV.
func exporterOption(kind string, attrs map[string]string) (string, error) {
	fields := []string{"type=" + kind}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		fields = append(fields, name+"="+attrs[name])
	}
	var line strings.Builder
	w := csv.NewWriter(&line)
	err := w.Write(fields)
	w.Flush()
	if err = errors.Join(err, w.Error()); err != nil {
		return "", fmt.Errorf("write the exporter's attributes: %w", err)
	}
	return strings.TrimSuffix(line.String(), "\n"), nil
}

// ctr has the image started by `ctr run`, on the host's network, and returns after the first answer with 200.
func (f *floor) ctr(ctx context.Context, image, id string) (remove func() error, err error) {
	held, err := port.Hold()
	if err != nil {
		return nil, err
	}
	args := []string{
		"--address", filepath.Join(f.server.state, "containerd", "containerd.sock"), "--namespace", builder.Namespace, "run", "--detach", "--null-io",
		"--runc-binary", filepath.Join(f.server.bin, "runc"), "--cgroup", f.instance.AppCgroup(id).Path(), "--net-host", "--env", "PORT=" + strconv.Itoa(held.Number()), image, id,
	}
	if out, err := exec.CommandContext(ctx, filepath.Join(f.server.bin, "ctr"), args...).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("ctr run: %w\n%s", err, out), held.Close())
	}
	return func() error { return errors.Join(f.removeRun(ctx, id), held.Close()) }, f.firstAnswer(ctx, held.Address())
}

// removeRun removes what ctr has started.
func (f *floor) removeRun(ctx context.Context, id string) error {
	ctx = namespaces.WithNamespace(ctx, builder.Namespace)
	c, err := f.engine.LoadContainer(ctx, id)
	if err != nil {
		return fmt.Errorf("find container %s: %w", id, err)
	}
	task, err := c.Task(ctx, nil)
	if err != nil {
		return fmt.Errorf("find the task of %s: %w", id, err)
	}
	_, err = task.Delete(ctx, containerd.WithProcessKill)
	return errors.Join(err, c.Delete(ctx, containerd.WithSnapshotCleanup), f.instance.AppCgroup(id).Remove(ctx))
}
