package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"csph/logs"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// sleeper is a child that prints a line and sleeps; ready says when it counts as up.
func sleeper(t *testing.T, script string, ready func(context.Context) error) Spec {
	t.Helper()
	dir := t.TempDir()
	if ready == nil {
		ready = func(context.Context) error { return nil }
	}
	return Spec{
		Name: "sleeper", Path: "/bin/sh", Args: []string{"-c", script},
		LogPath: filepath.Join(dir, "log"), PIDFile: filepath.Join(dir, "pid"),
		Ready: ready, Logger: slog.New(slog.DiscardHandler),
	}
}

// run runs the process until the test ends, and waits for its end.
func run(t *testing.T, spec Spec) *Process {
	t.Helper()
	p := New(spec)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return p
}

func waitReady(t *testing.T, p *Process) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return p.PID()
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ok() {
		if !sleep(ctx, time.Millisecond) {
			t.Fatalf("gave up waiting until %s", what)
		}
	}
}

func gone(pid int) bool {
	_, err := startTime(pid)
	return err != nil
}

func TestAChildThatIsKilledIsStartedAgain(t *testing.T) {
	p := run(t, sleeper(t, "exec sleep 600", nil))
	first := waitReady(t, p)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "another child runs", func() bool { pid := p.PID(); return pid != 0 && pid != first })
	waitReady(t, p)
	if s := p.Status(); s.Restarts != 1 || s.LastErr == nil {
		t.Errorf("status is %+v", s)
	}
}

func TestNobodyIsToldThatAChildIsReadyBeforeItIs(t *testing.T) {
	var up atomic.Bool
	var told atomic.Bool
	spec := sleeper(t, "exec sleep 600", func(context.Context) error {
		if !up.Load() {
			return errors.New("not yet")
		}
		return nil
	})
	spec.OnReady = func(context.Context) error {
		told.Store(true)
		return nil
	}
	p := run(t, spec)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ready too early: %v", err)
	}
	up.Store(true)
	waitReady(t, p)
	if !told.Load() {
		t.Error("ready was announced before OnReady was called")
	}
}

func TestRestartGivesAnotherChildThatIsReady(t *testing.T) {
	p := run(t, sleeper(t, "exec sleep 600", nil))
	first := waitReady(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if second := p.PID(); second == first || second == 0 || !gone(first) {
		t.Errorf("first child %d, then %d", first, second)
	}
	if n := p.Status().Restarts; n != 0 {
		t.Errorf("a restart that was asked for counts as %d deaths", n)
	}
}

func TestTheEndOfRunIsTheEndOfTheChild(t *testing.T) {
	p := New(sleeper(t, "exec sleep 600", nil))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	pid := waitReady(t, p)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if !gone(pid) {
		t.Errorf("child %d still runs", pid)
	}
}

func TestWhatAChildPrintsIsInItsLog(t *testing.T) {
	spec := sleeper(t, "echo one; echo two >&2; printf half; exec sleep 600", nil)
	p := run(t, spec)
	waitReady(t, p)
	until(t, "both lines are in the log", func() bool {
		lines, err := logs.Read(spec.LogPath, logs.Query{})
		return err == nil && len(lines) >= 2 && lines[0].Text == "one" && lines[1].Text == "two"
	})
}

func TestAChildOfAnEarlierRunIsClearedAway(t *testing.T) {
	spec := sleeper(t, "exec sleep 600", nil)
	old := exec.Command("sleep", "600")
	if err := old.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = old.Wait() }()
	if err := writePID(spec.PIDFile, old.Process.Pid); err != nil {
		t.Fatal(err)
	}
	p := run(t, spec)
	waitReady(t, p)
	if !gone(old.Process.Pid) {
		t.Error("the earlier child still runs")
	}
}

func TestAProcessThatMerelyHasThePidOfAnEarlierChildIsLeftAlone(t *testing.T) {
	spec := sleeper(t, "exec sleep 600", nil)
	other := exec.Command("sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	if err := os.WriteFile(spec.PIDFile, fmt.Appendf(nil, "%d %d\n", other.Process.Pid, 1), 0o644); err != nil {
		t.Fatal(err)
	}
	p := run(t, spec)
	waitReady(t, p)
	if gone(other.Process.Pid) {
		t.Error("a stranger's process was ended")
	}
}

// The child must not outlive csphd, however that ends: here a copy of the test plays csphd and is killed.
func TestTheChildEndsWhenItsSupervisorIsKilled(t *testing.T) {
	if dir := os.Getenv("DAEMON_TEST_SUPERVISE"); dir != "" {
		spec := sleeper(t, "exec sleep 600", nil)
		spec.PIDFile = filepath.Join(dir, "pid")
		_ = New(spec).Run(context.Background())
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "DAEMON_TEST_SUPERVISE="+dir, "TMPDIR="+dir) // what it leaves goes with ours
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	until(t, "the supervisor has a child", func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "pid"))
		if err != nil {
			return false
		}
		_, err = fmt.Sscanf(strings.TrimSpace(string(b)), "%d", &child)
		return err == nil
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	until(t, "the child has ended", func() bool { return gone(child) })
}

func TestAPidFileWithGarbageIsNoProcess(t *testing.T) {
	for _, text := range []string{"", "x", "-1 5", "0 0", "1 1", "99999999999999999999 1"} {
		path := filepath.Join(t.TempDir(), "pid")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := ClearStale(t.Context(), path); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
