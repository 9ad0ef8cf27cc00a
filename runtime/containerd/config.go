package containerd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"

	"csph/daemon"
	"csph/host"
)

// Namespace is the containerd namespace of the spherelets and of BuildKit's results.
const Namespace = "csph"

const snapshotter = "overlayfs"

// Config says where everything is.
type Config struct {
	Instance *host.Instance
	// Bin is the folder with containerd, containerd-shim-runc-v2, runc, csph-log, csph-init and csph-sftp, absolute.
	Bin string
	// Volumes is the folder with the folders of volumes, by id; "": volumes in the state folder.
	Volumes string
	// LogBytes is the size at which a spherelet's log is rotated, LogKeep how many rotated files stay; 0: 10 MB and 3.
	LogBytes int64
	LogKeep  int
	// BoostTime is how long a spherelet that starts may use more CPU than its shape says; 0: 10 s.
	BoostTime time.Duration
	Logger    *slog.Logger
}

func (c Config) dir(parts ...string) string {
	return filepath.Join(append([]string{c.Instance.Dir, "containerd"}, parts...)...)
}

func (c Config) bin(name string) string { return filepath.Join(c.Bin, name) }

// Socket is the address of the instance's private containerd.
func (c Config) Socket() string { return c.dir("containerd.sock") }

// daemonConfig is containerd's own configuration, version 3. Only what csph uses is enabled: every other
// plugin costs memory and time at start, and the CRI would listen to the network.
const daemonConfig = `version = 3
root = %q
state = %q
disabled_plugins = [
  "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = %q

[ttrpc]
  address = %q

[debug]
  level = "warn"
`

// Daemon writes containerd's configuration and says how to run it. The daemon is ready when it serves and
// the namespace exists.
func Daemon(c Config) (daemon.Spec, error) {
	if err := os.MkdirAll(c.dir(), 0o711); err != nil {
		return daemon.Spec{}, fmt.Errorf("make containerd's folder: %w", err)
	}
	text := fmt.Sprintf(daemonConfig, c.dir("root"), c.dir("run"), c.Socket(), c.Socket()+".ttrpc")
	if err := os.WriteFile(c.dir("config.toml"), []byte(text), 0o600); err != nil {
		return daemon.Spec{}, fmt.Errorf("write containerd's configuration: %w", err)
	}
	return daemon.Spec{
		Name: "containerd", Path: c.bin("containerd"), Args: []string{"--config", c.dir("config.toml")},
		Env: c.environment(), LogPath: filepath.Join(c.Instance.Dir, "logs", "containerd.log"), PIDFile: c.dir("containerd.pid"),
		Ready: c.ready, Logger: c.Logger,
	}, nil
}

// environment puts our own binaries first: containerd finds the shim by PATH, the shim runc.
func (c Config) environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PATH=") })
	return append(env, "PATH="+c.Bin+":"+os.Getenv("PATH"))
}

func (c Config) ready(ctx context.Context) error {
	if _, err := os.Stat(c.Socket()); err != nil {
		return fmt.Errorf("look for containerd's socket: %w", err)
	}
	ctrd, err := client.New(c.Socket())
	if err != nil {
		return fmt.Errorf("connect to containerd: %w", err)
	}
	defer ctrd.Close()
	serving, err := ctrd.IsServing(ctx)
	if err != nil {
		return fmt.Errorf("ask containerd for its health: %w", err)
	}
	if !serving {
		return errors.New("containerd does not serve yet")
	}
	err = ctrd.NamespaceService().Create(ctx, Namespace, nil)
	if err != nil && !errdefs.IsAlreadyExists(err) {
		return fmt.Errorf("make containerd's namespace: %w", err)
	}
	return nil
}
