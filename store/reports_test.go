package store

import (
	"testing"
	"time"

	"csph/platform"
)

func dueNow(t *testing.T, db *DB) []platform.Report {
	t.Helper()
	due, err := db.DueReports(t.Context(), time.Now().Add(time.Second), 10)
	must(t, err)
	return due
}

func TestAReportThatChangesWhileItIsToldIsToldAgain(t *testing.T) {
	db, s := started(t)
	report := platform.Report{Subject: "status dep_1", Service: s.ID, Kind: platform.ReportStatus, State: platform.ReportPending}
	must(t, db.QueueReports(t.Context(), "reports", 5, report))
	if seq, err := db.Cursor(t.Context(), "reports"); err != nil || seq != 5 {
		t.Errorf("the cursor is %d, %v", seq, err)
	}
	pending := dueNow(t, db)[0]
	report.State, report.Last = platform.ReportSuccess, true
	must(t, db.QueueReports(t.Context(), "reports", 9, report))
	pending.Handle, pending.Due = "42", time.Time{}
	must(t, db.KeepReport(t.Context(), pending))
	due := dueNow(t, db)
	if len(due) != 1 || due[0].State != platform.ReportSuccess || due[0].Handle != "42" {
		t.Fatalf("due: %+v", due)
	}
	told := due[0]
	told.Due = time.Time{}
	must(t, db.KeepReport(t.Context(), told))
	if due := dueNow(t, db); len(due) > 0 {
		t.Errorf("after the last one was told: %+v", due)
	}
	if next, err := db.NextReport(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("the next one is due %v, %v", next, err)
	}
}

func TestAMutedRepositoryIsToldNothingUntilItIsConnectedAnew(t *testing.T) {
	db, s := started(t)
	db.SealWith(letters(1))
	connect := func() {
		_, err := db.ConnectRepository(t.Context(), s.ID, platform.Repository{URL: "https://example.com/a/b", Provider: "gitea", Watch: []string{"web/**"}, LFS: true}, []byte("token"), nil)
		must(t, err)
	}
	connect()
	must(t, db.QueueReports(t.Context(), "", 0, platform.Report{Subject: "status dep_1", Service: s.ID}))
	for _, want := range []bool{true, false} {
		first, err := db.MuteReports(t.Context(), s.ID, "401")
		must(t, err)
		if first != want {
			t.Errorf("first is %v", first)
		}
	}
	if due := dueNow(t, db); len(due) > 0 {
		t.Errorf("still due: %+v", due)
	}
	r, err := db.Repository(t.Context(), s.ID)
	must(t, err)
	if r.Muted != "401" || r.Provider != "gitea" || len(r.Watch) != 1 || !r.LFS {
		t.Errorf("%+v", r)
	}
	connect()
	if r, err := db.Repository(t.Context(), s.ID); err != nil || r.Muted != "" {
		t.Errorf("connected anew it is %+v, %v", r, err)
	}
}
