package gitd_test

import (
	"context"
	"csph/gitd"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"csph/platform"
)

func TestFailedBuildRejectsTheReference(t *testing.T) {
	h := start(t)
	h.deployer.builds(func(context.Context, string) error { return errors.New("step 3 ended with exit status 2") })
	dir := h.tree("web")
	h.fail("! [remote rejected] main -> main (build failed: step 3 ended with exit status 2)", dir, "push", "csph", "main")
	h.deployer.builds(func(context.Context, string) error {
		return errors.New("cannot tell how to build this\n  looked for: go.mod")
	})
	h.fail("! [remote rejected] main -> main (build failed: cannot tell how to build this)", dir, "push", "csph", "main")
	if out := h.fail("there is no service", dir, "push", "ssh://git@127.0.0.1:"+h.port()+"/new", "main:feature"); strings.Contains(out, "is only stored") {
		t.Errorf("what was refused is said to be stored:\n%s", out)
	}
	if got := h.ref("svc_web", "refs/heads/main"); got != "" {
		t.Errorf("main is at %s", got)
	}
	if packs, _ := filepath.Glob(filepath.Join(h.bare("svc_web"), "objects", "pack", "*")); len(packs) > 0 {
		t.Errorf("objects of a refused push were kept: %v", packs)
	}
	h.sound("svc_web")
	h.deployer.builds(func(context.Context, string) error { return nil })
	h.git(dir, "push", "csph", "main")
}

func TestFailedRolloutKeepsTheReferenceAndFailsThePush(t *testing.T) {
	h := start(t)
	h.deployer.rollsOut(platform.Deployment{Status: platform.Failed, Reason: platform.HealthCheckFailed, Message: "never healthy"})
	dir := h.tree("web")
	out := h.fail("main -> main", dir, "push", "csph", "main")
	if strings.Contains(out, "rejected") {
		t.Errorf("the reference was rejected:\n%s", out)
	}
	if got, want := h.ref("svc_web", "refs/heads/main"), h.git(dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("main is at %q", got)
	}
}

func TestSupersededPushIsRejectedAndTheNewerOneDeploys(t *testing.T) {
	h := start(t)
	overtaken := make(chan struct{})
	var builds atomic.Int32
	h.deployer.builds(func(ctx context.Context, _ string) error {
		if builds.Add(1) > 1 {
			close(overtaken) // as deploy does: the newer one ends the older
			return nil
		}
		select {
		case <-overtaken:
			return errOvertaken
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	dir := h.tree("web")
	older := make(chan string)
	first := h.git(dir, "rev-parse", "HEAD")
	push := h.command(dir, "git", "push", "csph", first+":refs/heads/main")
	go func() {
		out, err := push.CombinedOutput()
		if err == nil {
			t.Error("the older push succeeded")
		}
		older <- string(out)
	}()
	eventually(t, "the older push builds", func() bool { return h.deployer.count() == 1 })
	second := h.commit(dir, "index.html", "newer\n")
	h.git(dir, "push", "csph", "main")
	if out := <-older; !strings.Contains(out, "superseded by a newer push") {
		t.Errorf("the older push ended with:\n%s", out)
	}
	if got := h.ref("svc_web", "refs/heads/main"); got != second {
		t.Errorf("main is at %s, not at %s", got, second)
	}
	h.sound("svc_web")
}

func TestKillingTheClientDuringTheBuildCancelsIt(t *testing.T) {
	h := start(t)
	building := make(chan struct{})
	canceled := make(chan time.Time, 1)
	h.deployer.builds(func(ctx context.Context, _ string) error {
		close(building)
		<-ctx.Done()
		canceled <- time.Now()
		return ctx.Err()
	})
	push := h.command(h.tree("web"), "git", "push", "csph", "main")
	push.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	<-building
	killed := time.Now()
	if err := syscall.Kill(-push.Process.Pid, syscall.SIGINT); err != nil { // as ctrl-C does
		t.Fatal(err)
	}
	if err := push.Wait(); err == nil {
		t.Error("the interrupted push succeeded")
	}
	select {
	case at := <-canceled:
		if took := at.Sub(killed); took > 2*time.Second {
			t.Errorf("the build was cancelled after %s", took)
		}
	case <-time.After(patience):
		t.Fatal("the build was not cancelled")
	}
	eventually(t, "the deployment ends", func() bool { _, d := h.deployer.last(); return d.Status == platform.Canceled })
	eventually(t, "the quarantine is gone", func() bool {
		left, _ := filepath.Glob(filepath.Join(h.dir, "repos", ".quarantine", "*"))
		return len(left) == 0
	})
	if h.ref("svc_web", "refs/heads/main") != "" {
		t.Error("main was set")
	}
}

func TestKillingTheClientAfterTheBuildChangesNothing(t *testing.T) {
	h := start(t)
	settle := make(chan struct{})
	h.deployer.settlesWith(settle)
	dir := h.tree("web")
	push := h.command(dir, "git", "push", "csph", "main")
	push.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the push is accepted", func() bool { return h.ref("svc_web", "refs/heads/main") != "" })
	if err := syscall.Kill(-push.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = push.Wait() // killed
	close(settle)
	eventually(t, "the rollout ends", func() bool { _, d := h.deployer.last(); return d.Status == platform.Live })
	h.sound("svc_web")
}

func TestQuietBuildSendsSignsOfLife(t *testing.T) {
	h := start(t, func(c *gitd.Config) { c.Progress = 20 * time.Millisecond })
	trace := filepath.Join(h.client, "trace")
	beats := func() int {
		content, _ := os.ReadFile(trace)
		return strings.Count(string(content), "sideband<") + strings.Count(string(content), "push< \\1\n")
	}
	h.deployer.builds(func(ctx context.Context, _ string) error {
		for beats() < 3 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		return ctx.Err()
	})
	push := h.command(h.tree("web"), "git", "push", "csph", "main")
	push.Env = append(push.Env, "GIT_TRACE_PACKET="+trace)
	if out, err := push.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
