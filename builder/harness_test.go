package builder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	containerd "github.com/containerd/containerd/v2/client"

	"csph/buildpacks"
	"csph/host"
	"csph/logs"
)

// lab is a builder with a private containerd and buildkitd.
type lab struct {
	*Builder
	t    testing.TB
	host *host.Instance
	ctx  context.Context
}

// shared is the one lab that most tests use, started by the first of them and ended by TestMain.
var shared struct {
	sync.Once
	lab  *lab
	err  error
	stop func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	os.Exit(code)
}

// sharedLab returns the lab of all tests.
func sharedLab(t testing.TB) *lab {
	t.Helper()
	if testing.Short() {
		t.Skip("needs containerd, buildkitd and base images")
	}
	shared.Do(func() {
		shared.lab, shared.stop, shared.err = startLab(Config{IdleRestart: time.Hour, Registries: loopback()})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	l := *shared.lab
	l.t = t
	return &l
}

// loopback are the networks that the registries of the tests are in.
func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// ownLab returns a lab for one test, with a configuration of its own.
func ownLab(t testing.TB, c Config) *lab {
	t.Helper()
	if testing.Short() {
		t.Skip("needs containerd, buildkitd and base images")
	}
	l, stop, err := startLab(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	l.t = t
	return l
}

func binDir() (string, error) {
	if d := os.Getenv("BIN_DIR"); d != "" {
		return d, nil
	}
	d, err := filepath.Abs("../bin")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(d, "buildkitd")); err != nil {
		return "", fmt.Errorf("the daemons are not built; run make daemons: %w", err)
	}
	return d, nil
}

func startLab(c Config) (l *lab, stop func(), err error) {
	bin, err := binDir()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "csphb")
	if err != nil {
		return nil, nil, err
	}
	var undo []func()
	stop = func() {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
	undo = append(undo, func() { os.RemoveAll(dir) })
	instance, err := host.Open(filepath.Join(dir, "s"))
	if err != nil {
		stop()
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	undo = append(undo, func() { cleanHost(instance) })
	socket, stopContainerd, err := startContainerd(instance.Dir, bin)
	if err != nil {
		stop()
		cancel()
		return nil, nil, err
	}
	undo = append(undo, stopContainerd)
	c.Host, c.BinDir, c.Containerd = instance, bin, socket
	if c.BaseDir == "" {
		// The place where every csphd of the machine finds them: they take minutes to make.
		c.BaseDir = cmp.Or(os.Getenv("CSPHD_BASE_DIR"), "/var/cache/csph/bases")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	more := c.Settings.Env
	if c.Settings, err = ReadHostSettings(ctx); err != nil {
		stop()
		cancel()
		return nil, nil, err
	}
	maps.Copy(c.Settings.Env, more)
	b, err := New(c)
	if err != nil {
		stop()
		cancel()
		return nil, nil, err
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(ctx) }()
	undo = append(undo, func() {
		cancel()
		if err := <-served; err != nil {
			slog.Error("serve", "err", err)
		}
	})
	ready, readyCancel := context.WithTimeout(ctx, 2*time.Minute) // in the fence, beside whatever else the machine does
	defer readyCancel()
	if err := b.WaitReady(ready); err != nil {
		out, _ := os.ReadFile(filepath.Join(instance.Dir, "logs", "buildkitd.log"))
		stop()
		return nil, nil, fmt.Errorf("%w\n%s", err, out)
	}
	return &lab{Builder: b, host: instance, ctx: ctx}, stop, nil
}

// cleanHost removes what a lab leaves outside its folder.
func cleanHost(i *host.Instance) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := errors.Join(RemoveNetwork(ctx, i), i.BuildsCgroup().Kill(ctx), i.BuildsCgroup().Remove(ctx), i.AppsCgroup().Remove(ctx))
	if err != nil {
		slog.Error("clean up", "err", err)
	}
}

const containerdConfig = `version = 3
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.nri.v1.nri",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
  address = %q
[ttrpc]
  address = %q
`

func startContainerd(dir, bin string) (socket string, stop func(), err error) {
	dir = filepath.Join(dir, "containerd")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	socket = filepath.Join(dir, "containerd.sock")
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf(containerdConfig, filepath.Join(dir, "root"), filepath.Join(dir, "run"), socket, socket+".ttrpc")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(filepath.Join(bin, "containerd"), "-c", config)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		log.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		if c, err := containerd.New(socket); err == nil {
			_, err := c.Version(ctx)
			c.Close()
			if err == nil {
				return socket, stop, nil
			}
		}
		if !pause(ctx, 20*time.Millisecond) {
			stop()
			out, _ := os.ReadFile(log.Name())
			return "", nil, fmt.Errorf("containerd is not ready: %s", out)
		}
	}
}

// source writes files into a new folder.
func source(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// shellPlan runs commands in plain Debian, each a step named by its number.
func shellPlan(commands ...string) buildpacks.Plan {
	p := buildpacks.Plan{
		Language: "shell", Start: "sleep 1000", BuildImage: debianBase, RunImage: debianBase,
		Copy: []buildpacks.Copy{{From: "/app", To: "/app"}},
	}
	for i, c := range commands {
		p.Steps = append(p.Steps, buildpacks.Step{Name: fmt.Sprintf("step %d", i+1), Command: c})
	}
	return p
}

// timeout is a context for one test.
func (l *lab) timeout(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	l.t.Cleanup(cancel)
	return ctx
}

// logText is a build log as people read it; empty before it begins.
func (l *lab) logText(deployment string) string {
	l.t.Helper()
	return readLog(l.t, l.config.logPath(deployment))
}

func readLog(t testing.TB, path string) string {
	t.Helper()
	lines, err := logs.Read(path, logs.Query{})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var s strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&s, "%c %s\n", line.Stream, line.Text)
	}
	return s.String()
}
