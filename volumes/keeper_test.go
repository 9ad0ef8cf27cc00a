package volumes

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"csph/platform"
	"csph/store"
)

// world is a Keeper on real records and folders, with services that are said to run.
type world struct {
	*Keeper
	t   *testing.T
	db  *store.DB
	env platform.Environment
	web platform.Service

	mu                          sync.Mutex
	story                       []string
	holders                     []string
	onFreeze, onThaw, onHolders func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	rooted(t)
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, "csph.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	_, err = db.Bootstrap(t.Context(), func(string) error { return nil })
	must(t, err)
	accounts, err := db.Accounts(t.Context())
	must(t, err)
	w := &world{t: t, db: db}
	w.web, err = db.CreateService(t.Context(), accounts[0].ID, "web", platform.Service{})
	must(t, err)
	w.env, err = db.Environment(t.Context(), w.web.Environment)
	must(t, err)
	w.boot(filepath.Join(dir, "volumes"))
	return w
}

// boot makes a Keeper of what is there, as csphd does at its start.
func (w *world) boot(dir string) {
	w.t.Helper()
	w.Keeper = NewKeeper(dir, w.db, w, w, slog.New(slog.DiscardHandler))
	must(w.t, w.Sweep(w.t.Context()))
}

func (w *world) did(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.story = append(w.story, what)
}

func (w *world) Holders(context.Context, string) ([]string, error) {
	if w.onHolders != nil {
		w.onHolders()
	}
	return w.holders, nil
}

func (w *world) Freeze(_ context.Context, id string) error {
	w.did("freeze " + id)
	if w.onFreeze != nil {
		w.onFreeze()
	}
	return nil
}

func (w *world) Thaw(_ context.Context, id string) error {
	w.did("thaw " + id)
	if w.onThaw != nil {
		w.onThaw()
	}
	return nil
}

func (w *world) Remount(_ context.Context, service string, _ platform.Trigger) (platform.Deployment, bool, error) {
	w.did("remount " + service)
	return platform.Deployment{ID: "dep_1", Service: service}, true, nil
}

func (w *world) volume(name string) platform.Volume {
	w.t.Helper()
	v, err := w.Create(w.t.Context(), platform.Volume{Environment: w.env.ID, Name: name})
	must(w.t, err)
	return v
}

func (w *world) read(id, name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.folders.shown(id), name))
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	must(w.t, err)
	return string(text)
}

// folder lists what is in the folder of all.
func (w *world) folder() []string {
	w.t.Helper()
	entries, err := os.ReadDir(w.folders.dir)
	must(w.t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAVolumeIsMadeAttachedDetachedAndDeleted(t *testing.T) {
	w := newWorld(t)
	v := w.volume("data")
	if v.SizeMB != DefaultSizeMB || !slices.Equal(w.folder(), []string{v.ID}) {
		t.Fatalf("made %+v, in %v", v, w.folder())
	}
	if _, err := w.Attach(t.Context(), v, w.web, "/proc", platform.Trigger{}); !errors.Is(err, platform.ErrInvalid) {
		t.Errorf("attached at /proc: %v", err)
	}
	c, err := w.Attach(t.Context(), v, w.web, "/data", platform.Trigger{})
	if err != nil || len(c.Deployments) != 1 || c.Volume.Attached[0].Path != "/data" {
		t.Fatalf("attached %+v, %v", c, err)
	}
	write(t, filepath.Join(w.folders.shown(v.ID), "file"), "kept")
	if err := w.Delete(t.Context(), c.Volume); !errors.Is(err, platform.ErrConflict) || w.read(v.ID, "file") != "kept" {
		t.Errorf("deleted while attached: %v, %v", err, w.folder())
	}
	if c, err = w.Detach(t.Context(), v, w.web, platform.Trigger{}); err != nil || len(c.Volume.Attached) != 0 || w.read(v.ID, "file") != "kept" {
		t.Errorf("detached %+v, %v", c, err)
	}
	must(t, w.Delete(t.Context(), c.Volume))
	if len(w.folder()) != 0 {
		t.Errorf("left: %v", w.folder())
	}
	info, err := os.Stat(w.folders.dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of all has mode %v, %v", info.Mode(), err)
	}
}

func TestASnapshotIsRestoredAndWhatItReplacesIsKept(t *testing.T) {
	w := newWorld(t)
	v := w.volume("data")
	c, err := w.Attach(t.Context(), v, w.web, "/data", platform.Trigger{})
	must(t, err)
	write(t, filepath.Join(w.folders.shown(v.ID), "file"), "old")
	w.holders = []string{"sph_1", "sph_2"}
	w.story = nil
	s, err := w.Snapshot(t.Context(), c.Volume, "before the migration")
	must(t, err)
	if !s.Consistent || s.Bytes == 0 || s.Note != "before the migration" || w.read(s.ID, "file") != "old" {
		t.Errorf("taken: %+v with %q", s, w.read(s.ID, "file"))
	}
	if got := strings.Join(w.story, ", "); got != "freeze sph_1, freeze sph_2, thaw sph_1, thaw sph_2" {
		t.Errorf("what happened: %s", got)
	}
	write(t, filepath.Join(w.folders.shown(v.ID), "file"), "new")
	r, err := w.Restore(t.Context(), c.Volume, s, platform.Trigger{})
	must(t, err)
	if w.read(v.ID, "file") != "old" || w.read(s.ID, "file") != "old" || w.read(r.Before.ID, "file") != "new" || len(r.Deployments) != 1 {
		t.Errorf("restored: volume %q, snapshot %q, kept %q, %+v", w.read(v.ID, "file"), w.read(s.ID, "file"), w.read(r.Before.ID, "file"), r)
	}
	other, err := w.RestoreAs(t.Context(), r.Before, platform.Volume{Environment: w.env.ID, Name: "copy"})
	if err != nil || w.read(other.ID, "file") != "new" || other.UsedBytes == 0 {
		t.Errorf("restored as another: %+v, %v", other, err)
	}
	must(t, w.DeleteSnapshot(t.Context(), s))
	if w.read(s.ID, "file") != "" || w.read(v.ID, "file") != "old" {
		t.Error("the snapshot is still there, or the volume is not")
	}
}

func TestASnapshotDuringWhichSomethingStartsIsNotCalledConsistent(t *testing.T) {
	w := newWorld(t)
	v := w.volume("data")
	w.holders = []string{"sph_1"}
	w.onFreeze = func() { w.holders = []string{"sph_1", "sph_2"} }
	if s, err := w.Snapshot(t.Context(), v, ""); err != nil || s.Consistent {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestACopyThatTakesTooLongGoesOnUnfrozen is not over before its spherelets were thawed.
func TestACopyThatTakesTooLongGoesOnUnfrozen(t *testing.T) {
	w := newWorld(t)
	v := w.volume("data")
	write(t, filepath.Join(w.folders.shown(v.ID), "file"), "x")
	w.freeze = time.Nanosecond
	thawed := make(chan struct{})
	asked := 0
	w.holders, w.onThaw = []string{"sph_1"}, func() { close(thawed) }
	w.onHolders = func() {
		if asked++; asked == 2 {
			<-thawed
		}
	}
	s, err := w.Snapshot(t.Context(), v, "")
	if err != nil || s.Consistent || w.read(s.ID, "file") != "x" {
		t.Errorf("%+v with %q, %v", s, w.read(s.ID, "file"), err)
	}
}

func TestASnapshotThatIsGivenUpLeavesNothingAndNothingFrozen(t *testing.T) {
	w := newWorld(t)
	v := w.volume("data")
	write(t, filepath.Join(w.folders.shown(v.ID), "file"), "x")
	ctx, cancel := context.WithCancel(t.Context())
	w.holders, w.onFreeze = []string{"sph_1"}, cancel
	if _, err := w.Snapshot(ctx, v, ""); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if !slices.Equal(w.folder(), []string{v.ID}) || !slices.Equal(w.story, []string{"freeze sph_1", "thaw sph_1"}) {
		t.Errorf("left %v; %v", w.folder(), w.story)
	}
}

func TestOneThingAtATimeHappensToAVolume(t *testing.T) {
	w := newWorld(t)
	v := w.volume("data")
	w.holders = []string{"sph_1"}
	var second error
	w.onFreeze = func() { second = w.Delete(t.Context(), v) }
	if _, err := w.Snapshot(t.Context(), v, ""); err != nil || !errors.Is(second, platform.ErrConflict) || !strings.Contains(second.Error(), "snapshot of volume data") {
		t.Errorf("%v; deleted meanwhile: %v", err, second)
	}
}

// TestTheRecordsDecideWhatAKillHasLeft has a folder in each of the states that a kill can leave one in.
func TestTheRecordsDecideWhatAKillHasLeft(t *testing.T) {
	w := newWorld(t)
	made, gone := w.volume("made"), w.volume("gone")
	must(t, w.folders.hide(made.ID)) // recorded, not shown yet; or hidden, not forgotten yet
	must(t, w.folders.hide(gone.ID))
	must(t, w.db.DeleteVolume(t.Context(), gone.ID)) // forgotten, not removed yet
	_, err := w.folders.begin("snap_half", 0o700)    // not recorded yet
	must(t, err)
	must(t, os.Mkdir(w.folders.shown("vol_strange"), 0o700)) // of records that were brought back from a backup
	w.boot(w.folders.dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, w.Run(ctx))
	if got := w.folder(); !slices.Equal(got, slices.Sorted(slices.Values([]string{made.ID, "vol_strange"}))) {
		t.Errorf("there is %v", got)
	}
}

func TestAVolumeThatHasGrownCountsForWhatIsInItAndSaysSoOnce(t *testing.T) {
	w := newWorld(t)
	v, err := w.Create(t.Context(), platform.Volume{Environment: w.env.ID, Name: "small", SizeMB: 1})
	must(t, err)
	c, err := w.Attach(t.Context(), v, w.web, "/data", platform.Trigger{})
	must(t, err)
	write(t, filepath.Join(w.folders.shown(v.ID), "file"), strings.Repeat("x", 3<<20))
	for range 2 {
		must(t, w.measureAll(t.Context()))
	}
	if v, err = w.db.Volume(t.Context(), c.Volume.ID); err != nil || v.UsedBytes < 3<<20 {
		t.Errorf("%+v, %v", v, err)
	}
	if mb, err := w.db.DiskMB(t.Context(), v.Account); err != nil || mb != 3 {
		t.Errorf("it counts for %d MB, %v", mb, err)
	}
	told := 0
	for e, err := range w.db.Subscribe(t.Context(), store.Filter{Service: w.web.ID}) {
		must(t, err)
		if strings.Contains(e.Message, "resize small") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("it was told %d times", told)
	}
}
