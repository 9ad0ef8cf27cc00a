package store

import (
	"errors"
	"testing"
	"time"

	"csph/platform"
)

func TestAPlannedTimeIsClaimedByOneOnly(t *testing.T) {
	path := place(t)
	db := opened(t, path)
	s := firstService(t, db)
	first, second := time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC), time.Date(2026, 5, 2, 3, 0, 0, 0, time.UTC)
	made, err := db.CreateTimer(t.Context(), platform.Timer{Service: s.ID, Cron: "0 3 * * *", Zone: "UTC", Command: []string{"true"}, Overlap: platform.OverlapSkip, Next: first})
	must(t, err)
	due, err := db.DueTimers(t.Context(), first)
	must(t, err)
	if len(due) != 1 || due[0].ID != made.ID || due[0].Command[0] != "true" || !due[0].Next.Equal(first) {
		t.Fatalf("due: %+v", due)
	}
	run := platform.Run{Planned: first, Started: first, Status: platform.RunRunning}
	stored, claimed, err := db.ClaimRuns(t.Context(), due[0], second, run)
	must(t, err)
	if !claimed || len(stored) != 1 || stored[0].ID == "" || stored[0].Service != s.ID {
		t.Fatalf("claimed %v, stored %+v", claimed, stored)
	}
	if again, claimed, err := db.ClaimRuns(t.Context(), due[0], second, run); err != nil || claimed || len(again) > 0 {
		t.Errorf("the second claim: %v, %+v, %v", claimed, again, err)
	}
	must(t, db.Close())
	db = opened(t, path)
	if due, err := db.DueTimers(t.Context(), first); err != nil || len(due) > 0 {
		t.Errorf("after a restart %+v is due, %v", due, err)
	}
	if next, err := db.NextTimer(t.Context()); err != nil || !next.Equal(second) {
		t.Errorf("next is %v, %v", next, err)
	}
	open, err := db.OpenRuns(t.Context())
	must(t, err)
	if len(open) != 1 || open[0].ID != stored[0].ID || !open[0].Planned.Equal(first) {
		t.Errorf("open runs: %+v", open)
	}
}

func TestOldRunsAreDroppedAndAScheduleTakesItsRunsWithIt(t *testing.T) {
	db, s := started(t)
	timer, err := db.CreateTimer(t.Context(), platform.Timer{Service: s.ID, Cron: "@hourly"})
	must(t, err)
	var ids []string
	for i, status := range []platform.RunStatus{platform.RunRunning, platform.RunSucceeded, platform.RunFailed, platform.RunSucceeded} {
		r, err := db.AddRun(t.Context(), platform.Run{Schedule: timer.ID, Service: s.ID, Planned: time.Unix(int64(i+1), 0), Status: status})
		must(t, err)
		ids = append(ids, r.ID)
	}
	dropped, err := db.TrimRuns(t.Context(), timer.ID, 2)
	must(t, err)
	if len(dropped) != 1 || dropped[0] != ids[1] {
		t.Errorf("dropped %v of %v", dropped, ids)
	}
	code := 3
	must(t, db.UpdateRun(t.Context(), platform.Run{ID: ids[0], Status: platform.RunFailed, Exit: &code}))
	runs, err := db.Runs(t.Context(), s.ID, "", "", 10)
	must(t, err)
	if len(runs) != 3 || runs[2].ID != ids[0] || runs[2].Exit == nil || *runs[2].Exit != 3 || !runs[0].Planned.Equal(time.Unix(4, 0)) {
		t.Errorf("runs: %+v", runs)
	}
	must(t, db.DeleteTimer(t.Context(), timer.ID))
	if _, err := db.Run(t.Context(), ids[3]); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("a run of a schedule that was deleted: %v", err)
	}
	if err := db.DeleteTimer(t.Context(), timer.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("deleting it again: %v", err)
	}
}

func TestAPreviewExpiresWhenNoCommitComes(t *testing.T) {
	db, parent := started(t)
	accounts, err := db.Accounts(t.Context())
	must(t, err)
	_, err = db.CreateEnvironment(t.Context(), parent.Project, "pr-7")
	must(t, err)
	made, err := db.CreateService(t.Context(), accounts[0].ID, "pr-7/"+parent.Name, platform.Service{})
	must(t, err)
	_, err = db.TouchPreview(t.Context(), made.ID, parent.ID, 7, time.Nanosecond)
	must(t, err)
	gone, err := db.ExpiredPreviews(t.Context(), time.Now().Add(time.Second))
	must(t, err)
	if len(gone) != 1 || gone[0].Service != made.ID || gone[0].Parent != parent.ID || gone[0].Number != 7 {
		t.Fatalf("expired: %+v", gone)
	}
	_, err = db.TouchPreview(t.Context(), made.ID, parent.ID, 7, time.Hour)
	must(t, err)
	if gone, err := db.ExpiredPreviews(t.Context(), time.Now().Add(time.Second)); err != nil || len(gone) > 0 {
		t.Errorf("after another commit: %+v, %v", gone, err)
	}
	must(t, db.DeleteService(t.Context(), made.ID))
	if _, err := db.Preview(t.Context(), made.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("of a service that is gone: %v", err)
	}
}
