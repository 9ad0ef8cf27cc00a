package api_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"csph/platform"
	"csph/store"
)

// sound holds what is true of records at every moment.
func sound(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
	soundDeployments(t, db)
	soundServices(t, db)
	soundAccounts(t, db)
}

// soundDeployments holds that every deployment has been told of, and so has its end.
func soundDeployments(t *testing.T, db *store.DB) {
	t.Helper()
	all, err := db.Deployments(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		events, err := db.Events(t.Context(), store.Filter{Deployment: d.ID}, 0)
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]bool{}
		for _, e := range events {
			told[e.Kind] = true
		}
		end := map[platform.Status]string{
			platform.Live: platform.EventLive, platform.Failed: platform.EventFailed, platform.Canceled: platform.EventCanceled,
		}[d.Status]
		if !told[platform.EventAccepted] || end != "" && !told[end] {
			t.Errorf("deployment %s is %s, and was told of with %v", d.ID, d.Status, told)
		}
		if last := d.History[len(d.History)-1].Status; last != d.Status {
			t.Errorf("deployment %s is %s, and its history ends with %s", d.ID, d.Status, last)
		}
	}
}

// soundServices holds that the secrets that a service refers to are there and can be read, and so can all else that is
// encrypted.
func soundServices(t *testing.T, db *store.DB) {
	t.Helper()
	all, err := db.Services(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		values, err := db.SecretValues(t.Context(), s.ID, s.Config.Secrets)
		if err != nil || len(values) != len(s.Config.Secrets) {
			t.Errorf("of the secrets %v of %s there are %d, %v", s.Config.Secrets, s.Name, len(values), err)
		}
		hooks, err := db.Webhooks(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range hooks {
			if secret, err := db.WebhookSecret(t.Context(), w.ID); err != nil || secret == "" {
				t.Errorf("webhook %s has the secret %q, %v", w.ID, secret, err)
			}
		}
	}
}

// soundAccounts holds that there is a way into every account.
func soundAccounts(t *testing.T, db *store.DB) {
	t.Helper()
	accounts, err := db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range accounts {
		tokens, err := db.ListTokens(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		projects, err := db.Projects(t.Context(), a.ID)
		if err != nil || len(tokens) == 0 || len(projects) == 0 {
			t.Errorf("account %s has %d tokens and %d projects, %v", a.Name, len(tokens), len(projects), err)
		}
		for _, p := range projects {
			if environments, err := db.Environments(t.Context(), p.ID); err != nil || len(environments) == 0 {
				t.Errorf("project %s has no environment, %v", p.Name, err)
			}
		}
	}
}

// audited holds that what was answered is in the audit log with its outcome, and that nothing was changed by nobody.
func audited(t *testing.T, db *store.DB, e entry, known int64, answered, changed bool) {
	t.Helper()
	accounts, err := db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := db.AuditPage(t.Context(), store.AuditPage{Accounts: []string{accounts[0].ID}})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(a platform.AuditEntry) bool { return a.Action == e.ID && a.Seq > known })
	parts := []string{"find-missing-contents", "send-content", "send-contents"} // of an upload, which has an entry of its own
	switch {
	case slices.Contains(parts, e.ID):
	case i < 0 && (answered || changed):
		t.Errorf("%s is not in the audit log (answered %v, something has changed %v)", e.ID, answered, changed)
	case i >= 0 && answered && all[i].Status != http.StatusOK:
		t.Errorf("%s was answered, and is in the audit log as %+v", e.ID, all[i])
	}
}

// look returns what the records in a state folder are, but for what is written about requests, and the last position of the
// audit log.
func look(t *testing.T, dir string) (contents string, audited int64) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "csph.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all strings.Builder
	for _, table := range rowsOf(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") {
		columns := "*"
		switch table[0] {
		case "audit", "answers", "sqlite_sequence":
			continue
		case "tokens":
			columns = "id" // the last use is written at some time
		}
		fmt.Fprintln(&all, table, rowsOf(t, db, fmt.Sprintf("SELECT %s FROM %s ORDER BY 1", columns, table[0])))
	}
	last := rowsOf(t, db, "SELECT COALESCE(MAX(seq), 0) FROM audit")
	return all.String(), last[0][0].(int64)
}

func rowsOf(t *testing.T, db *sql.DB, query string) [][]any {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]any
	for rows.Next() {
		row := make([]any, len(columns))
		places := make([]any, len(columns))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
