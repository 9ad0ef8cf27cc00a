package volumes

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"csph/platform"
	"csph/store"
	"csph/test/doomed"
)

// snapshotsIn names, in the environment, the state folder that this binary is to take snapshots in until it is killed.
const snapshotsIn = "CSPH_TEST_SNAPSHOTS_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(snapshotsIn); dir != "" {
		fmt.Println(snapshotUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func snapshotUntilKilled(dir string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(dir, "csph.db"))
	if err != nil {
		return err
	}
	k := NewKeeper(filepath.Join(dir, "volumes"), db, &world{}, &world{}, slog.New(slog.DiscardHandler))
	all, err := db.Volumes(ctx, "")
	if err != nil {
		return err
	}
	for {
		s, err := k.Snapshot(ctx, all[0], "")
		if err != nil {
			return err
		}
		fmt.Println(s.ID)
	}
}

const filesOfAKill = 300

// TestAKillLeavesNoHalfOfASnapshot kills a process that takes one snapshot after the other, at another moment each time.
func TestAKillLeavesNoHalfOfASnapshot(t *testing.T) {
	w := newWorld(t)
	v := w.volume("data")
	for i := range filesOfAKill {
		write(t, filepath.Join(w.folders.shown(v.ID), fmt.Sprintf("folder/%d", i)), strings.Repeat("x", 1000))
	}
	dir := filepath.Dir(w.folders.dir)
	must(t, w.db.Close())
	acknowledged := map[string]bool{}
	for _, after := range []time.Duration{2 * time.Millisecond, 11 * time.Millisecond, 29 * time.Millisecond} {
		for _, id := range killed(t, dir, after) {
			acknowledged[id] = true
		}
	}
	var err error
	w.db, err = store.Open(t.Context(), filepath.Join(dir, "csph.db"))
	must(t, err)
	defer w.db.Close()
	w.boot(w.folders.dir)
	all, err := w.db.Snapshots(t.Context(), "")
	must(t, err)
	for _, s := range all {
		entries, err := os.ReadDir(filepath.Join(w.folders.shown(s.ID), "folder"))
		if err != nil || len(entries) != filesOfAKill {
			t.Errorf("snapshot %s has %d files, %v", s.ID, len(entries), err)
		}
		delete(acknowledged, s.ID)
	}
	if len(all) < 3 || len(acknowledged) > 0 {
		t.Errorf("%d snapshots are there, and these are lost: %v", len(all), acknowledged)
	}
	t.Logf("%d snapshots", len(all))
}

// killed has a process take snapshots, kills it some time after the first, and returns those that it said it had taken.
func killed(t *testing.T, dir string, after time.Duration) (ids []string) {
	t.Helper()
	process := doomed.Start(t, snapshotsIn, dir)
	for line, more := process.Hear(); more; line, more = process.Hear() {
		if !strings.HasPrefix(line, platform.SnapshotPrefix+"_") {
			t.Fatalf("it says %q", line)
		}
		if ids = append(ids, line); len(ids) == 1 {
			time.AfterFunc(after, process.Kill)
		}
	}
	process.End()
	return ids
}
