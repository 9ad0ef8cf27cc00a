package builder

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	containerd "github.com/containerd/containerd/v2/client"

	"csph/platform"
)

// diskUse is what a folder takes on disk, in bytes.
func diskUse(t *testing.T, dir string) int64 {
	t.Helper()
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what is being removed may vanish
		}
		if i, err := d.Info(); err == nil {
			sum += i.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestTheDiskOfCancelledBuildsComesBack(t *testing.T) {
	l := ownLab(t, Config{IdleRestart: 300 * time.Millisecond})
	ctx := l.timeout(5 * time.Minute)
	if err := l.buildShell(ctx, "dep_before", "true"); err != nil {
		t.Fatal(err)
	}
	snapshots := filepath.Join(l.host.Dir, "containerd", "root", "io.containerd.snapshotter.v1.overlayfs")
	before, pid := diskUse(t, snapshots), l.Daemon().PID()
	running, cancel := context.WithCancel(ctx)
	go func() {
		l.awaitLog(ctx, "dep_leak", "O written")
		cancel()
	}()
	err := l.buildShell(running, "dep_leak", "head -c 100000000 /dev/zero > /big; echo written; sleep 987")
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if now := diskUse(t, snapshots); now-before < 90<<20 {
		t.Fatalf("the cancelled step holds %d MB: the test shows nothing", (now-before)>>20)
	}
	for diskUse(t, snapshots)-before > 5<<20 {
		if !pause(ctx, 50*time.Millisecond) {
			t.Fatalf("%d MB are still held", (diskUse(t, snapshots)-before)>>20)
		}
	}
	if err := l.buildShell(ctx, "dep_after", "true"); err != nil {
		t.Errorf("a build after the restart: %v", err)
	}
	if l.Daemon().PID() == pid {
		t.Error("buildkitd was not restarted")
	}
}

func TestAKilledBuildkitdLeavesNoStepBehind(t *testing.T) {
	l := ownLab(t, Config{IdleRestart: time.Hour})
	ctx := l.timeout(5 * time.Minute)
	inNamespace := l.inNamespace(ctx)
	engines, err := l.engine.NewContainer(inNamespace, "spherelet", containerd.WithContainerLabels(map[string]string{DeploymentLabel: "dep_x"}))
	if err != nil {
		t.Fatal(err)
	}
	pid := l.Daemon().PID()
	go func() {
		l.awaitLog(ctx, "dep_orphan", "O running")
		syscall.Kill(pid, syscall.SIGKILL)
	}()
	err = l.buildShell(ctx, "dep_orphan", "echo running; sleep 987")
	if f := failureOf(t, err); f.Reason != platform.Internal || f.Hint == "" {
		t.Errorf("failure is %+v", f)
	}
	for l.Daemon().PID() == 0 || l.Daemon().PID() == pid {
		if !pause(ctx, 20*time.Millisecond) {
			t.Fatal("buildkitd does not come back")
		}
	}
	if err := l.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	left, err := l.engine.Containers(inNamespace)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0].ID() != engines.ID() {
		t.Errorf("containers left: %v", left)
	}
	if pids, err := l.cgroup("svc_dep_orphan").Processes(); err != nil || len(pids) > 0 {
		t.Errorf("processes %v still run (%v)", pids, err)
	}
	if err := l.buildShell(ctx, "dep_orphan", "true"); err != nil {
		t.Errorf("the next build: %v", err)
	}
}

func TestClearCacheDropsAServicesFoldersAndNoOthers(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(3 * time.Minute)
	run := func(service, deployment, command string) error {
		plan := shellPlan(command)
		plan.Steps[0].Caches = []string{"/cache"}
		_, err := l.Build(ctx, Request{Deployment: deployment, Service: service, Dir: source(t, map[string]string{"f": deployment}), Plan: plan})
		return err
	}
	const fill, found = "head -c 3000000 /dev/zero > /cache/file", "test -f /cache/file"
	for _, service := range []string{"svc_clear", "svc_keep"} {
		if err := run(service, "dep_fill", fill); err != nil {
			t.Fatal(err)
		}
		if err := run(service, "dep_look", found); err != nil {
			t.Fatalf("%s: the cache is not kept between builds: %v", service, err)
		}
	}
	freed, err := l.ClearCache(ctx, "svc_clear")
	if err != nil || freed < 3000000 {
		t.Fatalf("freed %d bytes: %v", freed, err)
	}
	if err := run("svc_clear", "dep_look2", found); err == nil {
		t.Error("the cache is still there")
	}
	if err := run("svc_keep", "dep_look2", found); err != nil {
		t.Error("another service's cache is gone")
	}
}
