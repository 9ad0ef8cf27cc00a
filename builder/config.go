package builder

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	goruntime "runtime"
	"time"

	"csph/host"
)

// Namespace is the containerd namespace that BuildKit's worker shares with the engine. Containers in
// it that lack DeploymentLabel belong to build steps.
const (
	Namespace       = "csph"
	DeploymentLabel = "csph.deployment"
	snapshotter     = "overlayfs"
)

// Limits bound one build (SPEC section 3). Zero fields mean the default.
type Limits struct {
	MilliCPU int64         // thousandths of a vCPU; default 5000, never more than the machine has
	Memory   int64         // bytes, swap included; default 8 GiB, never more than 7/8 of the machine's
	Timeout  time.Duration // default 60 minutes
}

// Config is what a Builder needs to know. Host, BinDir, Containerd and Logger are required.
type Config struct {
	Host       *host.Instance
	BinDir     string // buildkitd, runc, csph-files and the CNI plugins bridge, host-local and loopback
	Containerd string // socket of the instance's private containerd
	// BaseDir keeps the base images made on this machine; several instances may share it. Default: bases in the state folder.
	BaseDir     string
	Limits      Limits
	Parallel    int   // builds at once; default: one for each CPU
	CacheBudget int64 // bytes of disk that BuildKit's cache may take; default 20 GiB
	MinFree     int64 // bytes of disk below which build caches are dropped, whatever their budget; default 2 GiB
	// References reads what must stay; nil: images and caches are never collected.
	References func(ctx context.Context) (References, error)
	// Collected is told what was removed from the disk; may be nil. It must not block for long.
	Collected Collected
	// IdleRestart is how long no build must have run before buildkitd is restarted to get back the disk
	// of cancelled builds; default 20 s.
	IdleRestart time.Duration
	Settings    HostSettings
	Credentials Credentials // for registries; nil: none
	// Registries are networks of this machine's own, loopback and link-local ones, in which registries that users name are
	// reached nevertheless.
	Registries []netip.Prefix
	// Login is with which name and password the service of a deployment pulls from a registry (see platform.RegistryHost), both
	// empty where there are none; it comes before Credentials. Nil: services have none.
	Login  func(ctx context.Context, deployment, host string) (user, password string, err error)
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Host == nil:
		return c, errors.New("builder: no host instance")
	case c.BinDir == "" || c.Containerd == "":
		return c, errors.New("builder: no folder of binaries or no containerd socket")
	case c.Logger == nil:
		return c, errors.New("builder: no logger")
	}
	if c.BaseDir == "" {
		c.BaseDir = filepath.Join(c.Host.Dir, "bases")
	}
	if c.CacheBudget == 0 {
		c.CacheBudget = 20 << 30
	}
	if c.MinFree == 0 {
		c.MinFree = 2 << 30
	}
	if c.Parallel == 0 {
		c.Parallel = goruntime.NumCPU()
	}
	if c.IdleRestart == 0 {
		c.IdleRestart = 20 * time.Second
	}
	c.Limits = c.Limits.bounded(int64(goruntime.NumCPU())*1000, memoryFigure("MemTotal:"))
	return c, nil
}

// bounded fills the defaults in and keeps l within a machine of milliCPU and memory (0: unknown).
func (l Limits) bounded(milliCPU, memory int64) Limits {
	if l.MilliCPU == 0 {
		l.MilliCPU = 5000
	}
	l.MilliCPU = min(l.MilliCPU, milliCPU)
	if l.Memory == 0 {
		l.Memory = 8 << 30
	}
	if memory > 0 {
		l.Memory = min(l.Memory, memory/8*7)
	}
	if l.Timeout == 0 {
		l.Timeout = time.Hour
	}
	return l
}

// paths of the state folder.
func (c Config) buildkitDir() string    { return filepath.Join(c.Host.Dir, "buildkit") }
func (c Config) buildkitSocket() string { return filepath.Join(c.buildkitDir(), "buildkitd.sock") }
func (c Config) logPath(deployment string) string {
	return filepath.Join(c.Host.Dir, "logs", "builds", deployment+".log")
}
