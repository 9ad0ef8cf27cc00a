package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// cgroupRoot says where an instance's cgroups are and how to reach them.
type cgroupRoot struct {
	unified bool     // cgroup v2 is the only hierarchy with controllers
	mounts  []string // mount points of every hierarchy that may hold our cgroups
	apps    string
	builds  string
	daemons string
}

// findCgroups decides where the cgroups of instance id go: at the top of every hierarchy, with v2 of the only
// one. With v2 they are thus the neighbours of systemd's slices and not below csphd's own unit. A cgroup with
// controllers for its children may hold no process: a csphd in its unit's cgroup could not be started again
// beside apps below it that outlived it. And the fence around builds counts among neighbours: at the top,
// it protects the router and the rest of the machine, too.
func findCgroups(id string) (cgroupRoot, error) {
	mounts, err := cgroupMounts("/proc/self/mountinfo")
	if err != nil {
		return cgroupRoot{}, fmt.Errorf("find the cgroup hierarchies: %w", err)
	}
	if len(mounts) == 0 {
		return cgroupRoot{}, errors.New("find the cgroup hierarchies: none is mounted; mount cgroup2 on /sys/fs/cgroup")
	}
	return cgroupRoot{
		unified: cgroups.Mode() == cgroups.Unified, mounts: mounts,
		apps: "/csph-" + id + "-apps", builds: "/csph-" + id + "-builds", daemons: "/csph-" + id + "-daemons",
	}, nil
}

// cgroupMounts lists the mount points of cgroup and cgroup2 file systems in a mountinfo file (proc(5)).
func cgroupMounts(mountinfo string) ([]string, error) {
	b, err := os.ReadFile(mountinfo)
	if err != nil {
		return nil, err
	}
	var mounts []string
	for line := range bytes.Lines(b) {
		before, after, ok := bytes.Cut(line, []byte(" - "))
		left, right := bytes.Fields(before), bytes.Fields(after)
		if !ok || len(left) < 5 || len(right) < 1 {
			continue
		}
		if t := string(right[0]); t == "cgroup" || t == "cgroup2" {
			mounts = append(mounts, string(left[4]))
		}
	}
	return mounts, nil
}

// Limits is what a cgroup's processes may use together. Zero fields are left as they are.
type Limits struct {
	Shares   uint64 // CPU weight among siblings in cgroup v1's terms: 1024 is normal, 2 is the least
	MilliCPU int64  // thousandths of a CPU, enforced per 100 ms
	Memory   int64  // bytes, swap included
	Pids     int64  // processes and threads
}

const cfsPeriod = 100_000 // µs

// resources translates l for the cgroup libraries.
func (l Limits) resources() *specs.LinuxResources {
	r := &specs.LinuxResources{}
	if l.Shares > 0 || l.MilliCPU > 0 {
		r.CPU = &specs.LinuxCPU{}
	}
	if l.Shares > 0 {
		r.CPU.Shares = &l.Shares
	}
	if l.MilliCPU > 0 {
		period, quota := uint64(cfsPeriod), l.MilliCPU*cfsPeriod/1000
		r.CPU.Period, r.CPU.Quota = &period, &quota
	}
	if l.Memory > 0 {
		r.Memory = &specs.LinuxMemory{Limit: &l.Memory, Swap: &l.Memory}
	}
	if l.Pids > 0 {
		r.Pids = &specs.LinuxPids{Limit: &l.Pids}
	}
	return r
}

// Cgroup is one control group of an instance, made or not. It is a value: copies name the same group.
type Cgroup struct {
	path string
	root *cgroupRoot
}

// AppCgroup is where the processes of one spherelet run.
func (i *Instance) AppCgroup(spherelet string) Cgroup { return i.cgroup(i.cgroups.apps, spherelet) }

// BuildCgroup is the parent of the build steps of one deployment. All builds together weigh as little as
// the kernel allows against everything else (see PrepareCgroups): set Memory and MilliCPU on it.
func (i *Instance) BuildCgroup(deployment string) Cgroup {
	return i.cgroup(i.cgroups.builds, deployment)
}

// DaemonCgroup is for a child daemon of csphd, such as buildkitd.
func (i *Instance) DaemonCgroup(name string) Cgroup { return i.cgroup(i.cgroups.daemons, name) }

// AppsCgroup is the parent of every AppCgroup.
func (i *Instance) AppsCgroup() Cgroup { return i.cgroup(i.cgroups.apps, "") }

// BuildsCgroup is the parent of every BuildCgroup.
func (i *Instance) BuildsCgroup() Cgroup { return i.cgroup(i.cgroups.builds, "") }

func (i *Instance) cgroup(parent, name string) Cgroup {
	return Cgroup{path: filepath.Join(parent, name), root: &i.cgroups}
}

// PrepareCgroups makes the parents, and fences the builds: whatever they do, they only get the CPU time
// that the apps and the router leave. Call it once after Open; doing it again changes nothing.
func (i *Instance) PrepareCgroups() error {
	if err := i.BuildsCgroup().yield(); err != nil {
		return err
	}
	return i.AppsCgroup().Apply(Limits{})
}

const (
	leastShares = 2
	idleFile    = "cpu.idle"
)

// yield makes the group and lets it run when nothing beside it wants to: as an idle group, where the kernel has
// them (5.15 and later), otherwise with the least weight. Beside the least weight alone a processor that builds
// counts as busy: whoever wakes up waits for it, or goes elsewhere. An idle group's weight cannot be set.
func (c Cgroup) yield() error {
	if c.file(idleFile) == "1" {
		return nil
	}
	if err := c.Apply(Limits{Shares: leastShares}); err != nil {
		return err
	}
	for _, dir := range c.dirs() {
		if err := idle(dir, c.root.unified); err != nil {
			return fmt.Errorf("fence cgroup %s: %w", c.path, err)
		}
	}
	return nil
}

// idle makes a group an idle one, if its hierarchy knows that. With cgroup v2 the CPU controller is kept on below
// it, which keeps it on above: systemd takes from the top what it thinks nobody uses, and the group's settings
// would be gone with it.
func idle(dir string, unified bool) error {
	if unified {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+cpu"), 0); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, idleFile), os.O_WRONLY, 0)
	if err != nil {
		return ignoreGone(err)
	}
	_, err = f.WriteString("1")
	return errors.Join(err, f.Close())
}

// Path is the group's path below the hierarchies' mount points, as runc and BuildKit want it.
func (c Cgroup) Path() string { return c.path }

// Apply makes the group if it is not there and sets its limits.
func (c Cgroup) Apply(l Limits) error {
	var err error
	if c.root.unified {
		_, err = cgroup2.NewManager(c.root.mounts[0], c.path, cgroup2.ToResources(l.resources()))
	} else {
		_, err = cgroup1.New(cgroup1.StaticPath(c.path), l.resources())
	}
	if err != nil {
		return fmt.Errorf("set limits of cgroup %s: %w", c.path, err)
	}
	return nil
}

// Limit sets limits of a group that is there.
func (c Cgroup) Limit(l Limits) error {
	err := c.update(l.resources())
	if err != nil {
		return fmt.Errorf("set limits of cgroup %s: %w", c.path, err)
	}
	return nil
}

func (c Cgroup) update(r *specs.LinuxResources) error {
	if c.root.unified {
		m, err := cgroup2.Load(c.path, cgroup2.WithMountpoint(c.root.mounts[0]))
		if err != nil {
			return err
		}
		return m.Update(cgroup2.ToResources(r))
	}
	g, err := cgroup1.Load(cgroup1.StaticPath(c.path))
	if err != nil {
		return err
	}
	return g.Update(r)
}

// Enter moves the process pid, with all its threads, into the group, making the group if it is not there.
func (c Cgroup) Enter(pid int) error {
	if err := c.Apply(Limits{}); err != nil {
		return err
	}
	for _, dir := range c.dirs() {
		err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), fmt.Append(nil, pid), 0)
		if err != nil {
			return fmt.Errorf("move process %d into cgroup %s: %w", pid, c.path, err)
		}
	}
	return nil
}
