package containerd

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"csph/platform"
)

// volume makes the folder of a volume.
func (r *rig) volume(id string) string {
	r.t.Helper()
	dir := filepath.Join(r.inst.Dir, "volumes", id)
	if err := errors.Join(os.MkdirAll(filepath.Dir(dir), 0o700), os.Mkdir(dir, 0o755)); err != nil {
		r.t.Fatal(err)
	}
	return dir
}

// TestAVolumeIsTheSameForEverySphereletAndOutlivesThem has an image that does not run as root: its files belong on the
// host to the ids that they have in the spherelets, whichever range of ids those have been given.
func TestAVolumeIsTheSameForEverySphereletAndOutlivesThem(t *testing.T) {
	r := newRig(t)
	const image = "localhost/rootless:1"
	r.load(image, v1.Config{Entrypoint: []string{"/app"}, WorkingDir: "/", User: "web"})
	dir := r.volume("vol_1")
	set := r.set("dep_1")
	set.Image.Ref, set.Count, set.Mounts = image, 2, []platform.Mount{{Volume: "vol_1", Path: "/var/data"}}
	both := r.apply(set)
	if held, err := r.eng.Holders(t.Context(), "vol_1"); err != nil || !slices.Equal(held, []string{both[0].ID, both[1].ID}) {
		t.Errorf("it is held by %v, %v", held, err)
	}
	if held, err := r.eng.Holders(t.Context(), "vol_2"); err != nil || len(held) != 0 {
		t.Errorf("another one is held by %v, %v", held, err)
	}
	r.must(r.ask(both[0].Address, "/write", "path", "/var/data/one", "text", "from the first"))
	if got := r.must(r.ask(both[1].Address, "/read", "path", "/var/data/one")); got != "from the first" {
		t.Errorf("the second reads %q", got)
	}
	r.must(r.ask(both[1].Address, "/write", "path", "/var/data/one", "text", ", and from the second"))
	info, err := os.Stat(filepath.Join(dir, "one"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 1000 || owner.Gid != 1001 {
		t.Errorf("on the host the file belongs to %d:%d; want 1000:1001", owner.Uid, owner.Gid)
	}
	mounted := r.must(r.ask(both[0].Address, "/read", "path", "/proc/self/mountinfo"))
	for _, option := range []string{"nosuid", "nodev"} {
		if !strings.Contains(lineWith(mounted, " /var/data "), option) {
			t.Errorf("not %s: %s", option, lineWith(mounted, " /var/data "))
		}
	}
	r.remove("dep_1")
	set.Deployment = "dep_2"
	next := r.apply(set)[0]
	if got := r.must(r.ask(next.Address, "/read", "path", "/var/data/one")); got != "from the first, and from the second" {
		t.Errorf("after a deployment it reads %q", got)
	}
	r.restartEngine()
	r.must(r.ask(next.Address, "/write", "path", "/var/data/two", "text", "x"))
	r.remove("dep_2")
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

// must is the answer to a question that cannot go wrong.
func (r *rig) must(answer string, err error) string {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return answer
}

func TestASphereletWithoutItsVolumeDoesNotStart(t *testing.T) {
	r := newRig(t)
	set := r.set("dep_1")
	set.Mounts = []platform.Mount{{Volume: "vol_gone", Path: "/data"}}
	if err := r.eng.Apply(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	failed := r.until("dep_1", func(s platform.Spherelet) bool { return s.LastExit != nil })
	if !strings.Contains(failed.LastExit.Error, "vol_gone is not there") {
		t.Errorf("it says %q", failed.LastExit.Error)
	}
	r.remove("dep_1")
}

func TestAFrozenSphereletGoesOnWhenItIsThawedOrCsphdIsStartedAgain(t *testing.T) {
	r := newRig(t)
	s := r.apply(r.set("dep_1"))[0]
	for name, thaw := range map[string]func(){
		"thawed":   func() { must(t, r.eng.Thaw(t.Context(), s.ID)) },
		"restored": r.restartEngine,
	} {
		must(t, r.eng.Freeze(t.Context(), s.ID))
		if state := r.taskState(s.ID); state != "paused" {
			t.Errorf("frozen, its task is %s", state)
		}
		thaw()
		r.must(r.ask(s.Address, "/"))
		if state := r.taskState(s.ID); state != "running" {
			t.Errorf("%s, its task is %s", name, state)
		}
	}
	must(t, r.eng.Thaw(t.Context(), s.ID))
	if err := r.eng.Freeze(t.Context(), "sph_none"); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("freezing what is not there: %v", err)
	}
	must(t, r.eng.Thaw(t.Context(), "sph_none"))
	r.remove("dep_1")
}

func (r *rig) taskState(spherelet string) string {
	r.t.Helper()
	task, err := r.eng.runningTask(r.t.Context(), spherelet)
	if err != nil {
		r.t.Fatal(err)
	}
	status, err := task.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return string(status.Status)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
