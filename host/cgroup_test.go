package host

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// start runs a process that does nothing in c until the test kills it.
func start(t *testing.T, c Cgroup) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if err := c.Enter(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestLimitsReachTheKernel(t *testing.T) {
	i := open(t)
	c := i.BuildCgroup("dep_1")
	if err := c.Apply(Limits{MilliCPU: 1500, Memory: 64 << 20, Pids: 77}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"cpu.cfs_quota_us": "150000", "memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "67108864", "pids.max": "77"}
	if i.cgroups.unified {
		want = map[string]string{"cpu.max": "150000 100000", "memory.max": "67108864", "memory.swap.max": "0", "pids.max": "77"}
	}
	expectFiles(t, c, want)
	if err := c.Limit(Limits{MilliCPU: 250}); err != nil {
		t.Fatal(err)
	}
	want["cpu.cfs_quota_us"] = "25000"
	if i.cgroups.unified {
		delete(want, "cpu.cfs_quota_us")
		want["cpu.max"] = "25000 100000"
	}
	expectFiles(t, c, want)
	if err := i.AppCgroup("sph_none").Limit(Limits{MilliCPU: 250}); err == nil {
		t.Error("limits were set for a group that is not there")
	}
}

// The controller below the builds keeps the one above from being taken away, and their settings with it.
func TestBuildsAreFencedForGood(t *testing.T) {
	i := open(t)
	for range 2 {
		if err := i.PrepareCgroups(); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"cpu.idle": "1"}
		if i.cgroups.unified {
			want["cgroup.subtree_control"] = "cpu"
		}
		expectFiles(t, i.BuildsCgroup(), want)
	}
}

func expectFiles(t *testing.T, c Cgroup, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := c.file(name); got != value {
			t.Errorf("%s of %s is %q, want %q", name, c.Path(), got, value)
		}
	}
}

func TestKillingACgroupEndsWhatRunsBelowIt(t *testing.T) {
	i := open(t)
	outer, inner := i.AppCgroup("sph_1"), i.AppCgroup("sph_1").Child("inner")
	cmd := start(t, inner)
	if pids, err := outer.Processes(); err != nil || !slices.Contains(pids, cmd.Process.Pid) {
		t.Fatalf("processes of the outer group: %v, %v", pids, err)
	}
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	if err := outer.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the process ended with %v", err)
	}
	if err := outer.Remove(t.Context()); err != nil || outer.Exists() {
		t.Errorf("the group is still there: %v", err)
	}
	if err := outer.Remove(t.Context()); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func TestRemoveKillsNothing(t *testing.T) {
	i := open(t)
	c := i.AppCgroup("sph_1")
	cmd := start(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Remove(ctx); err == nil {
		t.Error("a group with a process in it was removed")
	}
	if pids, err := c.Processes(); err != nil || !slices.Contains(pids, cmd.Process.Pid) {
		t.Errorf("processes after Remove: %v, %v", pids, err)
	}
}

func TestChildrenAreListed(t *testing.T) {
	i := open(t)
	if names, err := i.AppsCgroup().Children(); err != nil || len(names) != 0 {
		t.Errorf("a group that is not there has %v, %v", names, err)
	}
	for _, name := range []string{"sph_b", "sph_a"} {
		if err := i.AppCgroup(name).Apply(Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := i.AppsCgroup().Children(); err != nil || !slices.Equal(names, []string{"sph_a", "sph_b"}) {
		t.Errorf("got %v, %v", names, err)
	}
}
