package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// leftovers save FILE | leftovers compare FILE: counts what deployments make on the machine
// (containers, tasks, leases, cgroups, veth pairs, shims, loggers, mounts), so that a script can show that nothing stays behind.
func leftovers(ts *testscript.TestScript, s *server, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: leftovers save|compare FILE")
	}
	file := ts.MkAbs(args[1])
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch args[0] {
	case "save":
		ts.Check(poll(ctx, func() error {
			now := s.census()
			if !now.steady() {
				return fmt.Errorf("spherelets are still coming and going:\n%v", now)
			}
			return os.WriteFile(file, []byte(now.String()), 0o644)
		}))
	case "compare":
		before, err := os.ReadFile(file)
		ts.Check(err)
		ts.Check(poll(ctx, func() error {
			if now := s.census().String(); now != string(before) {
				return fmt.Errorf("something was left behind; before:\n%s\nnow:\n%s", before, now)
			}
			return nil
		}))
	}
}

// census is how many there are, by kind.
type census map[string]int

// steady: every container has its task, its shim and its logger.
func (c census) steady() bool {
	n := c["containers"]
	return n == c["tasks"] && n == c["shims"] && n == c["loggers"]
}

func (c census) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&b, "%-10s %d\n", k, c[k])
	}
	return b.String()
}

func (s *server) census() census {
	return census{
		"containers": s.ctr("containers", "ls", "-q"),
		"tasks":      s.ctr("tasks", "ls", "-q"),
		"cgroups":    cgroups(s.instance()),
		"links":      links(s.instance()),
		"shims":      processes(s.state, "containerd-shim-runc-v2"),
		"loggers":    processes(s.state, "csph-log"),
		"mounts":     mounts(s.state),
	}
}

func (s *server) ctr(args ...string) int {
	sock := filepath.Join(s.state, "containerd", "containerd.sock")
	out, err := exec.Command(filepath.Join(s.bin, "ctr"), append([]string{"-a", sock, "-n", "csph"}, args...)...).Output()
	if err != nil {
		return -1
	}
	return len(strings.Fields(string(out)))
}

// instance is the id that all names on the machine derive from.
func (s *server) instance() string {
	b, err := os.ReadFile(filepath.Join(s.state, "instance.json"))
	if err != nil {
		return "?"
	}
	_, rest, _ := strings.Cut(string(b), `"id"`)
	parts := strings.SplitN(rest, `"`, 3)
	if len(parts) < 3 {
		return "?"
	}
	return parts[1]
}

func cgroups(id string) int {
	n := 0
	for _, pattern := range []string{"/sys/fs/cgroup/*/csph-" + id + "-*/*", "/sys/fs/cgroup/csph-" + id + "-*/*"} {
		found, _ := filepath.Glob(pattern)
		for _, f := range found {
			if st, err := os.Stat(f); err == nil && st.IsDir() {
				n++
			}
		}
	}
	return n
}

func links(id string) int {
	found, _ := filepath.Glob("/sys/class/net/*" + id + "*")
	veths, _ := filepath.Glob("/sys/class/net/*/master")
	n := 0
	for _, v := range veths {
		if target, err := os.Readlink(v); err == nil && strings.Contains(target, id) {
			n++
		}
	}
	return len(found) + n
}

// processes counts those of one name that belong to the state folder.
func processes(state, name string) int {
	n := 0
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range found {
		b, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(b), name) && strings.Contains(string(b), state) {
			n++
		}
	}
	return n
}

// processes lists the pids of everything that runs for this csphd: what its cgroups hold, and what names its state folder.
func (s *server) processes() []int {
	found := map[int]bool{}
	for _, pattern := range []string{"/sys/fs/cgroup/*/csph-" + s.instance() + "-*/*/cgroup.procs", "/sys/fs/cgroup/csph-" + s.instance() + "-*/*/cgroup.procs"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			b, _ := os.ReadFile(f)
			for _, line := range strings.Fields(string(b)) {
				if pid, err := strconv.Atoi(line); err == nil {
					found[pid] = true
				}
			}
		}
	}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		b, err := os.ReadFile(f)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err == nil && strings.Contains(string(b), s.state) && pid != os.Getpid() {
			found[pid] = true
		}
	}
	return slices.Collect(maps.Keys(found))
}

func mounts(state string) int {
	b, _ := os.ReadFile("/proc/self/mounts")
	n := 0
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, state) {
			n++
		}
	}
	return n
}
