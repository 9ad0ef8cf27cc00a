package containerd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/cgroups/v3"
)

// quota is the CPU quota of a spherelet's cgroup, as the kernel tells it.
func (r *rig) quota(spherelet string) string {
	r.t.Helper()
	group := r.inst.AppCgroup(spherelet).Path()
	file := filepath.Join("/sys/fs/cgroup/cpu", group, "cpu.cfs_quota_us")
	if cgroups.Mode() == cgroups.Unified {
		file = filepath.Join("/sys/fs/cgroup", group, "cpu.max")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	quota, _, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	return quota
}

// awaitQuota waits until a spherelet has the quota.
func (r *rig) awaitQuota(spherelet, want string) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); r.quota(spherelet) != want; pause(r.t.Context(), 5*time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("the CPU quota is %s, want %s", r.quota(spherelet), want)
		}
	}
}

func TestASmallSphereletMayUseMoreCPUWhileItStarts(t *testing.T) {
	r := newRig(t)
	r.cfg.BoostTime = time.Hour
	r.restartEngine()
	s := r.apply(r.set("dep_1"))[0]
	if got := r.quota(s.ID); got != "100000" {
		t.Errorf("while it starts its quota is %s", got)
	}
	t.Run("also when csphd is restarted meanwhile, and then no longer", func(t *testing.T) {
		r.cfg.BoostTime = time.Millisecond
		r.restartEngine()
		r.await("dep_1", 1)
		r.awaitQuota(s.ID, "25000")
	})
	r.remove("dep_1")
}
