package containerd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/snapshots"

	"csph/host"
)

// inventory names everything that spherelets could leave behind, in containerd and on the machine.
func (r *rig) inventory() []string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all []string
	containers, err := r.eng.ctrd.ContainerService().List(ctx)
	r.check(err)
	for _, c := range containers {
		all = append(all, "container "+c.ID)
	}
	r.check(r.eng.ctrd.SnapshotService(snapshotter).Walk(ctx, func(_ context.Context, s snapshots.Info) error {
		all = append(all, "snapshot "+s.Name)
		return nil
	}))
	held, err := r.eng.ctrd.LeasesService().List(ctx)
	r.check(err)
	for _, l := range held {
		all = append(all, "lease "+l.ID)
	}
	left, err := r.inst.Leftovers(ctx)
	r.check(err)
	all = append(all, slices.DeleteFunc(left, func(l string) bool { return strings.HasPrefix(l, "cgroup ") })...)
	for _, parent := range []host.Cgroup{r.inst.AppsCgroup(), r.inst.BuildsCgroup(), r.inst.DaemonCgroup("shims")} {
		names, err := parent.Children()
		r.check(err)
		for _, n := range names {
			all = append(all, "cgroup "+parent.Child(n).Path())
		}
	}
	for _, sub := range []string{"etc", "sets", "fifo", "run/io.containerd.runtime.v2.task/csph"} {
		files, err := filepath.Glob(filepath.Join(r.cfg.dir(sub), "*"))
		r.check(err)
		for _, f := range files {
			all = append(all, "file "+f)
		}
	}
	all = append(all, r.processes()...)
	slices.Sort(all)
	return all
}

// processes names the processes of the machine that have the state folder on their command line.
func (r *rig) processes() []string {
	var found []string
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	r.check(err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(b), r.inst.Dir) {
			found = append(found, fmt.Sprintf("process %s %s", filepath.Dir(f), strings.ReplaceAll(string(b), "\x00", " ")))
		}
	}
	return found
}

func (r *rig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// unchanged fails when the inventory does not become what it was: shims take a moment to end.
func (r *rig) unchanged(before []string) {
	r.t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		now := r.inventory()
		if slices.Equal(now, before) {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("before:\n%s\nnow:\n%s", strings.Join(before, "\n"), strings.Join(now, "\n"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}
