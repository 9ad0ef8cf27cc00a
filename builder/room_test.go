package builder

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"csph/host"
)

func TestMemoryThatIsPromisedToSphereletsAndBuildsIsNoRoom(t *testing.T) {
	i, err := host.Open(filepath.Join(t.TempDir(), "s"))
	must(t, err)
	t.Cleanup(func() { cleanHost(i) })
	must(t, i.PrepareCgroups())
	r := newRoom(i, 64<<40)
	if r.memory != expectedMemory {
		t.Errorf("a build is expected to take %d bytes", r.memory)
	}
	if r := newRoom(i, 1<<30); r.memory != 1<<30 {
		t.Errorf("a build of at most 1 GB is expected to take %d bytes", r.memory)
	}
	alone, ok := r.freeMemory(nil)
	if !ok {
		t.Fatal("the machine does not tell its memory")
	}
	const promise, noise = 4 << 30, 1 << 30 // what else happens on the machine
	must(t, i.AppCgroup("sph_a").Apply(host.Limits{Memory: promise}))
	if beside, _ := r.freeMemory(nil); alone-beside < promise-noise || alone-beside > promise+noise {
		t.Errorf("a spherelet of 4 GB takes %d bytes of the room", alone-beside)
	}
	building := []*ticket{{service: "svc_a"}}
	if beside, _ := r.freeMemory(building); alone-beside < promise+expectedMemory-noise {
		t.Errorf("with a build, too, they take %d bytes", alone-beside)
	}
	r.memory = 1 << 50
	if why := r.full(building); !strings.HasPrefix(why, "waiting for memory: a build needs 1.05e+06 GB") {
		t.Errorf("a machine without room says %q", why)
	}
}

func TestABuildBesideOthersWantsACPUThatAppsLeave(t *testing.T) {
	i, err := host.Open(filepath.Join(t.TempDir(), "s"))
	must(t, err)
	r := newRoom(i, 0)
	r.cpus = 2
	r.before = cpuSample{at: time.Now(), busy: 0.2}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	must(t, i.AppsCgroup().Apply(host.Limits{}))
	t.Cleanup(func() { i.AppsCgroup().Remove(ctx) })
	one := []*ticket{{service: "svc_a"}}
	if why := r.full(one); why != "" {
		t.Errorf("beside quiet apps it says %q", why)
	}
	r.before = cpuSample{at: time.Now(), busy: 1.7}
	if why := r.full(one); why != "waiting for a free CPU: apps use 1.7 of 2, and builds running: 1" {
		t.Errorf("beside busy apps it says %q", why)
	}
}
