package store

import (
	"context"
	"testing"
	"time"

	"csph/platform"
)

// statuses are those of the entries of an account in the audit log, oldest first.
func statuses(t *testing.T, db *DB, account string) (all []int) {
	t.Helper()
	page, err := db.AuditPage(t.Context(), AuditPage{Accounts: []string{account}})
	must(t, err)
	for _, e := range page {
		all = append([]int{e.Status}, all...)
	}
	return all
}

func TestWhatIsChangedIsInTheAuditLogBeforeItsOutcomeIs(t *testing.T) {
	db, s := started(t)
	within, settle := db.Announce(t.Context(), platform.AuditEntry{Account: s.Account, Action: "create-project", Status: 200})
	_, err := db.CreateProject(within, s.Account, "default")
	wants(t, err, platform.ErrConflict)
	if all := statuses(t, db, s.Account); len(all) != 0 {
		t.Fatalf("a change that was refused is in the log: %v", all)
	}
	for _, name := range []string{"one", "two"} {
		_, err = db.CreateProject(within, s.Account, name)
		must(t, err)
		if all := statuses(t, db, s.Account); len(all) != 1 || all[0] != 0 {
			t.Fatalf("behind a change the log has %v", all)
		}
	}
	must(t, settle(within, platform.AuditEntry{Account: s.Account, Action: "create-project", Status: 200}))
	if all := statuses(t, db, s.Account); len(all) != 1 || all[0] != 200 {
		t.Errorf("in the end the log has %v", all)
	}
	_, err = db.CreateProject(context.WithoutCancel(t.Context()), s.Account, "three")
	must(t, err)
	if all := statuses(t, db, s.Account); len(all) != 1 {
		t.Errorf("a change that nobody announced has an entry: %v", all)
	}
}

func TestOfStrangersOnlyTheNewestEntriesAreKept(t *testing.T) {
	db, s := started(t)
	must(t, db.Audit(t.Context(), platform.AuditEntry{Account: s.Account, Action: "first"}))
	_, err := db.writer.ExecContext(t.Context(), `INSERT INTO audit (time, account, member, credential, address, request, action, target, status, message)
		WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < $1)
		SELECT $2, '', '', '', '', '', 'authenticate', '', 401, '' FROM count`, strangersKept+trimBatch+1, time.Now().UnixMicro())
	must(t, err)
	n, err := db.TrimAudit(t.Context(), time.Hour)
	must(t, err)
	if n != trimBatch+1 {
		t.Errorf("%d entries were dropped", n)
	}
	if all := statuses(t, db, s.Account); len(all) != 1 {
		t.Errorf("of the account there are %v", all)
	}
}
