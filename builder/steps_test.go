package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

// buildShell runs commands as the steps of a build.
func (l *lab) buildShell(ctx context.Context, deployment string, commands ...string) error {
	l.t.Helper()
	dir := source(l.t, map[string]string{"file": deployment})
	_, err := l.Build(ctx, Request{Deployment: deployment, Service: "svc_" + deployment, Dir: dir, Plan: shellPlan(commands...)})
	return err
}

func failureOf(t *testing.T, err error) *platform.Failure {
	t.Helper()
	var f *platform.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v (%T), not a failure for the user", err, err)
	}
	return f
}

func TestAFailedStepIsNamedWithItsExitCodeAndLastLines(t *testing.T) {
	l := sharedLab(t)
	err := l.buildShell(l.timeout(2*time.Minute), "dep_fails", "true", "for i in $(seq 1 30); do echo line $i; done; echo 'npm error missing script: build' >&2; exit 7")
	f := failureOf(t, err)
	if f.Reason != platform.BuildFailed || f.Message != `step "step 2" failed with exit code 7` {
		t.Errorf("failure is %+v", f)
	}
	if !strings.Contains(f.Hint, "no such script") {
		t.Errorf("hint is %q", f.Hint)
	}
	if len(f.Tail) != 20 || !strings.Contains(strings.Join(f.Tail, "\n"), "missing script") || !strings.Contains(strings.Join(f.Tail, "\n"), "line 30") {
		t.Errorf("tail is %q", f.Tail)
	}
	text := l.logText("dep_fails")
	for _, want := range []string{"S step 2\n", "O line 1\n", "O line 30\n", "E npm error missing script: build\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
}

func TestAStepWhoseCommandFailsInTheMiddleFails(t *testing.T) {
	l := sharedLab(t)
	f := failureOf(t, l.buildShell(l.timeout(2*time.Minute), "dep_middle", "echo a\nfalse\necho b"))
	if strings.Contains(l.logText("dep_middle"), "O b") {
		t.Errorf("the step went on after a failed command: %+v", f)
	}
}

func TestCancellingKillsTheRunningStepAtOnce(t *testing.T) {
	l := sharedLab(t)
	ctx, cancel := context.WithCancel(l.timeout(2 * time.Minute))
	cgroup := l.cgroup("svc_dep_cancel")
	began := make(chan time.Time, 1)
	go func() {
		l.awaitLog(ctx, "dep_cancel", "O running")
		began <- time.Now()
		cancel()
	}()
	err := l.buildShell(ctx, "dep_cancel", "echo running; sleep 987")
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(<-began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if pids, err := cgroup.Processes(); err != nil || len(pids) > 0 {
		t.Errorf("processes %v still run (%v)", pids, err)
	}
}

// awaitLog blocks until the build log holds text, or ctx ends.
func (l *lab) awaitLog(ctx context.Context, deployment, text string) {
	for !strings.Contains(l.logText(deployment), text) {
		if !pause(ctx, 20*time.Millisecond) {
			return
		}
	}
}

func TestABuildThatTakesTooLongIsStopped(t *testing.T) {
	l := ownLab(t, Config{Limits: Limits{Timeout: 6 * time.Second}, IdleRestart: time.Hour})
	if err := l.Bases().Ensure(l.timeout(5*time.Minute), nil, debianBase); err != nil {
		t.Fatal(err)
	}
	f := failureOf(t, l.buildShell(l.timeout(2*time.Minute), "dep_slow", "true", "echo waiting; sleep 987"))
	if f.Reason != platform.BuildTimeout || !strings.Contains(f.Message, `"step 2"`) || !strings.Contains(strings.Join(f.Tail, ""), "waiting") {
		t.Errorf("failure is %+v", f)
	}
}

// eat makes a process of the step use more memory than the build may have.
const eat = `x=$(head -c 700000000 /dev/zero | tr '\0' a)`

func TestAStepKilledForMemoryFailsWithAdviceEvenWhenItsShellSwallowsIt(t *testing.T) {
	l := ownLab(t, Config{Limits: Limits{Memory: 256 << 20}, IdleRestart: time.Hour})
	for deployment, command := range map[string]string{
		"dep_oom":       eat,
		"dep_swallowed": "sh -c '" + strings.ReplaceAll(eat, "'", `'"'"'`) + "' || true; echo went on",
	} {
		f := failureOf(t, l.buildShell(l.timeout(5*time.Minute), deployment, command))
		if f.Reason != platform.BuildFailed || !strings.Contains(f.Message, "ran out of memory") || !strings.Contains(f.Message, "256 MB") || f.Hint == "" {
			t.Errorf("%s: failure is %+v", deployment, f)
		}
	}
	if !strings.Contains(l.logText("dep_swallowed"), "O went on") {
		t.Error("the shell did not swallow the kill: the test shows nothing")
	}
	if err := l.buildShell(l.timeout(5*time.Minute), "dep_swallowed", "echo modest"); err != nil {
		t.Errorf("the service's next build: %v", err)
	}
}

func TestStepsRunInTheBuildsCgroupWithinItsLimits(t *testing.T) {
	l := sharedLab(t)
	if err := l.buildShell(l.timeout(2*time.Minute), "dep_cgroup", "cat /proc/self/cgroup"); err != nil {
		t.Fatal(err)
	}
	want := l.cgroup("svc_dep_cgroup").Path() + "/buildkit/"
	if text := l.logText("dep_cgroup"); !strings.Contains(text, want) {
		t.Errorf("the step is not in %s:\n%s", want, text)
	}
	if l.cgroup("svc_dep_cgroup").Exists() {
		t.Error("the cgroup is still there after the build")
	}
}

func TestASecondBuildOfTheSameServiceWaitsForTheFirst(t *testing.T) {
	g := newGate()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := g.enter(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := g.enter(ctx, "b"); err != nil {
		t.Fatalf("a build of another service waits: %v", err)
	}
	second := make(chan error, 1)
	go func() { second <- g.enter(ctx, "a") }()
	select {
	case <-second:
		t.Fatal("two builds of one service run at once")
	case <-time.After(30 * time.Millisecond):
	}
	g.leave("a")
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	short, stop := context.WithTimeout(ctx, 30*time.Millisecond)
	defer stop()
	if err := g.shut(short, 0); err == nil {
		t.Error("maintenance began while builds ran")
	}
	g.leave("a")
	g.leave("b")
	if err := g.shut(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if err := g.enter(short, "a"); err == nil {
		t.Error("a build began during maintenance")
	}
	g.open()
	if err := g.enter(ctx, "a"); err != nil {
		t.Error(err)
	}
}

func TestLogsOfABuildEndWhenEveryoneHasClosedThem(t *testing.T) {
	dir := t.TempDir()
	open := newOpenLogs(func(d string) string { return fmt.Sprintf("%s/%s.log", dir, d) })
	outer, err := open.acquire("dep_a")
	if err != nil {
		t.Fatal(err)
	}
	inner, err := open.acquire("dep_a")
	if err != nil {
		t.Fatal(err)
	}
	inner.Step("inner")
	if err := inner.Close(); err != nil {
		t.Fatal(err)
	}
	outer.Line("outer")
	if err := outer.Close(); err != nil {
		t.Fatal(err)
	}
	if text := readLog(t, dir+"/dep_a.log"); text != "S inner\nO outer\n" {
		t.Errorf("the log is %q", text)
	}
	raw, err := os.ReadFile(dir + "/dep_a.log")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), " X "); n != 1 || !strings.HasSuffix(string(raw), " X \n") {
		t.Errorf("the log does not end once, at its end: %q", raw)
	}
}
