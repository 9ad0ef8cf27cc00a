package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"github.com/moby/buildkit/client"

	"csph/daemon"
)

// buildkitConfig is buildkitd.toml. Every path in it is absolute.
func (c Config) buildkitConfig() string {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	line("root = %q", filepath.Join(c.buildkitDir(), "root"))
	line("[grpc]\n  address = [%q]", "unix://"+c.buildkitSocket())
	line("[cdi]\n  disabled = true")
	// No records of finished builds: each costs contents that are synced to the disk before a build is over. Our own build
	// logs and accounts of images hold what matters.
	line("[history]\n  maxEntries = 0")
	// A Dockerfile's "# syntax" line must not fetch and run a frontend.
	line("[frontend.\"gateway.v0\"]\n  enabled = false")
	line("[worker.oci]\n  enabled = false")
	line("[worker.containerd]")
	line("  enabled = true")
	line("  address = %q", c.Containerd)
	line("  namespace = %q", Namespace)
	line("  snapshotter = %q", snapshotter)
	line("  defaultCgroupParent = %q", c.Host.BuildCgroup("other").Path())
	line("  max-parallelism = %d", max(2, goruntime.NumCPU()))
	line("  networkMode = \"cni\"")
	line("  cniConfigPath = %q", c.cniPath())
	line("  cniBinaryPath = %q", c.BinDir)
	line("  cniPoolSize = 0")
	line("  [worker.containerd.runtime]\n    name = \"io.containerd.runc.v2\"")
	line("  [worker.containerd.runtime.options]\n    BinaryName = %q", filepath.Join(c.BinDir, "runc"))
	c.collectionPolicy(line)
	return s.String()
}

// collectionPolicy keeps the whole cache within the budget, the least recently used going first. What is
// quick to make again goes before what is not. BuildKit's own default drops package caches at 512 MB.
func (c Config) collectionPolicy(line func(string, ...any)) {
	megabytes := c.CacheBudget >> 20
	line("  gc = true")
	line("  [[worker.containerd.gcpolicy]]")
	line("    filters = [\"type==source.local,type==source.git.checkout\"]")
	line("    keepDuration = \"720h\"\n    maxUsedSpace = \"%dMB\"", megabytes/4)
	line("  [[worker.containerd.gcpolicy]]")
	line("    all = true\n    maxUsedSpace = \"%dMB\"", megabytes)
}

// stepLogBytes is how much output of one step is kept; BuildKit's default of 2 MiB cuts real builds.
const stepLogBytes = 32 << 20

// daemonSpec describes buildkitd to its supervisor.
func (b *Builder) daemonSpec() daemon.Spec {
	return daemon.Spec{
		Name:    "buildkitd",
		Path:    filepath.Join(b.config.BinDir, "buildkitd"),
		Args:    []string{"--config", b.configPath()},
		Env:     append(os.Environ(), fmt.Sprintf("BUILDKIT_STEP_LOG_MAX_SIZE=%d", stepLogBytes), "BUILDKIT_STEP_LOG_MAX_SPEED=-1", "TMPDIR="+b.config.scratchDir()),
		LogPath: filepath.Join(b.config.Host.Dir, "logs", "buildkitd.log"),
		PIDFile: filepath.Join(b.config.buildkitDir(), "buildkitd.pid"),
		Ready:   b.buildkitReady,
		OnReady: b.begin,
		Logger:  b.config.Logger,
	}
}

// begin puts a buildkitd that is up behind the fence, before it gets a build. It starts outside: a busy machine
// leaves so little to what is inside that it might not come up in time, again and again.
func (b *Builder) begin(ctx context.Context) error {
	pid := b.daemon.PID()
	if pid == 0 {
		return errors.New("fence buildkitd: it has just ended")
	}
	if err := b.config.Host.BuildsCgroup().Child("buildkitd").Enter(pid); err != nil {
		return fmt.Errorf("fence buildkitd: %w", err)
	}
	return b.sweep(ctx)
}

func (b *Builder) configPath() string {
	return filepath.Join(b.config.buildkitDir(), "buildkitd.toml")
}

// writeConfig lays out the files that buildkitd reads.
func (b *Builder) writeConfig() error {
	if err := os.MkdirAll(b.config.scratchDir(), 0o711); err != nil {
		return fmt.Errorf("make the folder of buildkitd: %w", err)
	}
	conflist, err := b.config.cniConfig()
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.config.cniPath(), conflist, 0o600); err != nil {
		return fmt.Errorf("write the network of builds: %w", err)
	}
	if err := os.WriteFile(b.configPath(), []byte(b.config.buildkitConfig()), 0o600); err != nil {
		return fmt.Errorf("write the configuration of buildkitd: %w", err)
	}
	return nil
}

func (b *Builder) buildkitReady(ctx context.Context) error {
	c, err := b.buildkit(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	workers, err := c.ListWorkers(ctx)
	if err != nil {
		return fmt.Errorf("ask buildkitd for its workers: %w", err)
	}
	if len(workers) == 0 {
		return fmt.Errorf("buildkitd has no worker; see %s", filepath.Join(b.config.Host.Dir, "logs", "buildkitd.log"))
	}
	return nil
}

// buildkit returns a client of its own for each use: a shared one would sit out a backoff after every restart.
func (b *Builder) buildkit(ctx context.Context) (*client.Client, error) {
	c, err := client.New(ctx, "unix://"+b.config.buildkitSocket())
	if err != nil {
		return nil, fmt.Errorf("connect to buildkitd: %w", err)
	}
	return c, nil
}
