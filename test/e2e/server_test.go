// Package e2e runs the built binaries as a user would: real git, ssh and curl against a real csphd
// with real containerd and buildkitd. The scripts in testdata read as a manual.
package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"csph/test/port"
)

// server is one csphd of the tests: a state folder of its own, ports of its own.
type server struct {
	t     testing.TB
	bin   string
	state string
	args  []string

	http, https, ssh, api string

	mu       sync.Mutex
	cmd      *exec.Cmd   // nil while none runs, or one that has taken over
	outgoing []*exec.Cmd // those that have handed over
}

const startTimeout = 2 * time.Minute

// TestMain lets the tests find csph as the scripts do.
func TestMain(m *testing.M) {
	bin, err := filepath.Abs("../../bin")
	if err == nil {
		err = os.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// newServer makes the state folder and keys of a csphd and starts it; it is destroyed when the test ends.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("these tests start containers: they need root")
	}
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	state, err := os.MkdirTemp("/tmp", "csph-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, bin, state, args...)
	s.warm("go-hello")
	return s
}

// warmTimeout is for a machine where the base images have to be made first.
const warmTimeout = 25 * time.Minute

// warm deploys an app once and deletes it, so that its base images are there: the scripts have waits of their own.
func (s *server) warm(app string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), warmTimeout)
	defer cancel()
	for _, args := range [][]string{
		{"deploy", filepath.Join("..", "apps", app), "--service", "warm-up", "--wait-timeout", warmTimeout.String()},
		{"services", "delete", "warm-up", "--yes"},
	} {
		cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "csph"), args...)
		cmd.Env = append(os.Environ(), "CSPH_URL=http://"+s.api, "CSPH_TOKEN="+s.token())
		if out, err := cmd.CombinedOutput(); err != nil {
			s.t.Fatalf("csph %v: %v\n%s", args, err, out)
		}
	}
}

func startServer(t testing.TB, bin, state string, args ...string) *server {
	t.Helper()
	s := &server{t: t, bin: bin, state: state, args: args, http: port.Reserve(t), https: port.Reserve(t), ssh: port.Reserve(t), api: port.Reserve(t)}
	t.Cleanup(s.destroy)
	s.start()
	s.makeKey()
	return s
}

// start runs csphd and waits until it is healthy.
func (s *server) start() {
	s.t.Helper()
	if err := s.tryStart(); err != nil {
		s.t.Fatalf("%v\n%s", err, s.log(40))
	}
}

func (s *server) tryStart() error {
	out, err := os.OpenFile(filepath.Join(s.state, "csphd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	args := append([]string{"serve", "--state", s.state, "--http", s.http, "--https", s.https, "--ssh", s.ssh, "--api", s.api}, s.args...)
	cmd := exec.Command(filepath.Join(s.bin, "csphd"), args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	s.mu.Lock()
	s.cmd = cmd
	s.mu.Unlock()
	return s.awaitHealthy()
}

func (s *server) awaitHealthy() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return poll(ctx, func() error {
		resp, err := http.Get("http://" + s.api + "/healthz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("healthz answers %s", resp.Status)
		}
		return nil
	})
}

// poll tries until try succeeds or ctx ends, and returns the last error.
func poll(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("gave up: %w", err)
		}
	}
}

// signal sends sig to csphd and, when it ends csphd, waits for that.
func (s *server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	cmd := s.cmd
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return s.signalSuccessor(sig)
	}
	if err := cmd.Process.Signal(sig); err != nil {
		return err
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && sig == syscall.SIGKILL {
		return nil
	}
	return err
}

// daemonPID is the pid of the csphd's containerd or buildkitd, from its pid file.
func (s *server) daemonPID(name string) (int, error) {
	folder := map[string]string{"containerd": "containerd", "buildkitd": "buildkit"}[name]
	b, err := os.ReadFile(filepath.Join(s.state, folder, name+".pid"))
	if err != nil {
		return 0, err
	}
	pid, _, _ := strings.Cut(string(b), " ")
	return strconv.Atoi(pid)
}

func (s *server) destroy() {
	if s.t.Failed() {
		s.t.Logf("csphd's log:\n%s", s.log(60))
	}
	s.mu.Lock()
	running := s.cmd != nil || len(s.outgoing) > 0
	s.mu.Unlock()
	if running {
		if err := errors.Join(s.signal(syscall.SIGTERM), s.reap()); err != nil {
			s.t.Errorf("stop csphd: %v", err)
		}
	}
	out, err := exec.Command(filepath.Join(s.bin, "csphd"), "destroy", "--state", s.state, "--yes").CombinedOutput()
	if err != nil {
		s.t.Errorf("csphd destroy: %v\n%s", err, out)
	}
}

// log is the end of csphd's own log.
func (s *server) log(lines int) string {
	f, err := os.Open(filepath.Join(s.state, "csphd.log"))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	var all []string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		all = append(all, sc.Text())
	}
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// makeKey makes an SSH key that may push, the way a user would.
func (s *server) makeKey() {
	s.t.Helper()
	key := filepath.Join(s.state, "test-key")
	run := func(name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "CSPH_URL=http://"+s.api, "CSPH_TOKEN="+s.token())
		if out, err := cmd.CombinedOutput(); err != nil {
			s.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "e2e", "-f", key)
	run(filepath.Join(s.bin, "csph"), "keys", "add", key+".pub")
}

func (s *server) token() string {
	b, err := os.ReadFile(filepath.Join(s.state, "admin.token"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// sshCommand is what git uses to reach csphd.
func (s *server) sshCommand() string {
	return "ssh -i " + filepath.Join(s.state, "test-key") + " -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes"
}
