package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/cgroups/v3"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"csph/platform"
)

func TestASphereletIsConfined(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	t.Run("it cannot do what a neighbour would suffer from", func(t *testing.T) {
		for _, what := range []string{"raw", "mknod", "mount", "cgroup"} {
			if _, err := r.ask(s.Address, "/try", "what", what); err == nil {
				t.Errorf("%s was possible", what)
			}
		}
	})
	t.Run("it can do what web apps do", func(t *testing.T) {
		if _, err := r.ask(s.Address, "/try", "what", "port80"); err != nil {
			t.Errorf("listen on port 80: %v", err)
		}
		for _, path := range []string{"/tmp/file", "/dev/shm/file", "/new", "/dev/stdout"} {
			if _, err := r.ask(s.Address, "/write", "path", path, "text", "x\n"); err != nil {
				t.Errorf("write %s: %v", path, err)
			}
		}
	})
	t.Run("its root is nobody on the host", func(t *testing.T) { r.mapped(t, s.Address.Addr().As4()) })
	t.Run("its limits are those of its shape", func(t *testing.T) { r.limited(t, s) })
	t.Run("its processes are counted", func(t *testing.T) {
		if _, err := r.ask(s.Address, "/try", "what", "fork"); err == nil {
			t.Error("2000 processes were started")
		}
		if u, err := r.eng.Stats(s.ID); err != nil || u.Processes > maxPids || u.Processes < 100 {
			t.Errorf("it has %d processes, %v", u.Processes, err)
		}
	})
}

func (r *rig) mapped(t *testing.T, addr [4]byte) {
	s := r.eng.Spherelets("dep_1")[0]
	got, err := r.ask(s.Address, "/read", "path", "/proc/self/uid_map")
	f := strings.Fields(got)
	if err != nil || len(f) != 3 || f[0] != "0" || f[2] != "65536" {
		t.Fatalf("uid_map %q, %v", got, err)
	}
	j := job{e: r.eng, addr: s.Address.Addr()}
	if f[1] != fmt.Sprint(j.rootID()) || j.rootID() < firstID || addr != s.Address.Addr().As4() {
		t.Errorf("uid_map %q, want root to be %d", got, j.rootID())
	}
	pids, err := r.inst.AppCgroup(s.ID).Processes()
	if err != nil || len(pids) == 0 {
		t.Fatalf("processes %v, %v", pids, err)
	}
	status, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pids[0]), "status"))
	for _, want := range []string{fmt.Sprintf("Uid:\t%s\t", f[1]), "NoNewPrivs:\t1", "Seccomp:\t2", "CapBnd:\t00000000800005fb"} {
		if err != nil || !strings.Contains(string(status), want) {
			t.Errorf("the process's status does not say %q: %s %v", want, status, err)
		}
	}
}

func (r *rig) limited(t *testing.T, s platform.Spherelet) {
	u, err := r.eng.Stats(s.ID)
	if err != nil || u.MaxMemory != 512<<20 || u.Memory <= 0 || u.Memory > 100<<20 || u.CPU <= 0 || u.OOMKills != 0 {
		t.Errorf("usage %+v, %v", u, err)
	}
	r.awaitQuota(s.ID, "25000")
	for file, want := range limitFiles(r.inst.AppCgroup(s.ID).Path()) {
		b, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", file))
		if got := strings.TrimSpace(string(b)); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %s", file, got, err, want)
		}
	}
}

// limitFiles is what the control files of the smallest shape's cgroup should hold, by their place below /sys/fs/cgroup.
func limitFiles(group string) map[string]string {
	if cgroups.Mode() == cgroups.Unified {
		return map[string]string{
			group + "/cpu.max": "25000 100000", group + "/pids.max": "1024",
			group + "/memory.max": fmt.Sprint(512 << 20), group + "/memory.swap.max": "0",
		}
	}
	return map[string]string{
		"cpu" + group + "/cpu.cfs_quota_us": "25000", "pids" + group + "/pids.max": "1024",
		"memory" + group + "/memory.memsw.limit_in_bytes": fmt.Sprint(512 << 20),
	}
}

func TestTheImagesUserIsRespected(t *testing.T) {
	r := newRig(t)
	r.load(userImage, v1.Config{Entrypoint: []string{"/app"}, User: "web", WorkingDir: "/etc", Env: []string{"NAME=image", "PORT=1", "PATH=/bin"}})
	set := r.set("dep_1")
	set.Image.Ref = userImage
	delete(set.Env, "NAME")
	s := r.apply(set)[0]
	if got, err := r.ask(s.Address, "/id"); err != nil || got != "1000 1001 [1001 2000]" {
		t.Errorf("it runs as %q, %v", got, err)
	}
	if got, err := r.ask(s.Address, "/"); err != nil || got != "hello from image" {
		t.Errorf("the image's variables: %q, %v", got, err)
	}
	if got, err := r.ask(s.Address, "/read", "path", "passwd"); err != nil || !strings.Contains(got, "web:x:1000") {
		t.Errorf("in the image's folder: %q, %v", got, err)
	}
	for _, path := range []string{"/tmp/file", "/dev/shm/file", "/dev/stdout", "/dev/stderr"} {
		if _, err := r.ask(s.Address, "/write", "path", path, "text", "said by name\n"); err != nil {
			t.Errorf("write %s: %v", path, err)
		}
	}
	if _, err := r.ask(s.Address, "/write", "path", "/etc/new", "text", "x"); err == nil {
		t.Error("an unprivileged user wrote into /etc")
	}
	if _, err := r.ask(s.Address, "/try", "what", "port80"); err != nil {
		t.Errorf("listen on port 80: %v", err)
	}
	r.remove("dep_1")
	log := strings.Join(r.log("dep_1", s.ID), "\n")
	for _, want := range []string{"O said by name", "E said by name"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
}

func TestASphereletKnowsItsNameAndItsResolvers(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	for path, want := range map[string]string{
		"/etc/hostname": "web\n", "/proc/sys/kernel/hostname": "web\n", "/etc/hosts": s.Address.Addr().String() + "\tweb", "/etc/resolv.conf": "nameserver ",
	} {
		if got, err := r.ask(s.Address, "/read", "path", path); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %q, %v; want %q in it", path, got, err, want)
		}
	}
}

func TestWhereUserNamespacesCannotBeUsedSphereletsRunWithout(t *testing.T) {
	parent, err := os.MkdirTemp("/tmp", "rt-closed-") // passable for root only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(parent) })
	r := newRigIn(t, filepath.Join(parent, "state"))
	if ok, why := r.eng.UserNamespaces(); ok || !strings.Contains(why, "chmod o+x "+parent) {
		t.Errorf("user namespaces: %v, %q", ok, why)
	}
	s := r.apply(r.set("dep_1"))[0]
	if got, err := r.ask(s.Address, "/read", "path", "/proc/self/uid_map"); err != nil || strings.Fields(got)[2] != "4294967295" {
		t.Errorf("uid_map %q, %v", got, err)
	}
	if _, err := r.ask(s.Address, "/try", "what", "mknod"); err == nil {
		t.Error("without a user namespace it could make a device")
	}
	r.remove("dep_1")
}
