package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

// TestRowsThatWereStoredEarlierCanBeRead holds the stored form: a change of it needs a migration.
func TestRowsThatWereStoredEarlierCanBeRead(t *testing.T) {
	db, s := started(t)
	_, err := db.writer.ExecContext(t.Context(), `INSERT INTO deployments (id, service, status, reason, message, hint, tail,
			triggered_by, source, config, image, history, url, created)
		VALUES ('dep_01hgw000000000000000000000', $1, 'failed', 'build_failed', 'm', 'h', '["one"]',
			'{"kind":"push","actor":"me"}',
			'{"kind":"git","revision":"abc","branch":"main","subject":"first"}',
			'{"shape":"MAX","count":2,"port":3000,"env":{"A":"b"},"build":"make","run":"./a","ready":{"path":"/up","port":1,"host":"h","failure_timeout":2,"retry_period":3},"drain":4,"grace":5}',
			'{"ref":"r","digest":"sha256:1","size":6,"command":["a"],"release":"rel","port":7}',
			'[{"status":"queued","at":"2024-01-02T03:04:05.678901Z"},{"status":"failed","at":"2024-01-02T03:04:06Z"}]',
			'http://u', 1704164645678901)`, s.ID)
	must(t, err)
	at := time.Date(2024, 1, 2, 3, 4, 5, 678901000, time.UTC)
	want := platform.Deployment{
		ID: "dep_01hgw000000000000000000000", Service: s.ID, Name: "web", Status: platform.Failed, Reason: platform.BuildFailed,
		Message: "m", Hint: "h", Tail: []string{"one"}, Trigger: platform.Trigger{Kind: "push", Actor: "me"},
		Source: platform.Source{Kind: platform.FromGit, Revision: "abc", Branch: "main", Subject: "first"},
		Config: platform.Config{
			Shape: "MAX", Count: 2, Port: 3000, Env: map[string]string{"A": "b"}, Build: "make", Run: "./a",
			Ready: &platform.Check{Path: "/up", Port: 1, Host: "h", FailureTimeout: 2, RetryPeriod: 3}, Drain: 4, Grace: 5,
		},
		Image:   platform.Image{Ref: "r", Digest: "sha256:1", Size: 6, Command: []string{"a"}, Release: "rel", Port: 7},
		History: []platform.Phase{{Status: platform.Queued, At: at}, {Status: platform.Failed, At: at.Add(321099 * time.Microsecond)}},
		URL:     "http://u", Created: at,
	}
	got, err := db.Deployment(t.Context(), want.ID)
	must(t, err)
	if g, w := asJSON(t, got), asJSON(t, want); g != w {
		t.Errorf("read\n%s\nwant\n%s", g, w)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

// TestListsAreReadFromAnIndex holds that no list sorts or reads through what it does not return.
func TestListsAreReadFromAnIndex(t *testing.T) {
	db := opened(t, place(t))
	for query, index := range map[string]string{
		deploymentColumns + "WHERE d.service = $1 ORDER BY d.id DESC LIMIT 9":                              "deployments_of_service",
		deploymentColumns + "WHERE d.service = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT 9":                "deployments_of_service",
		deploymentColumns + "WHERE d." + unsettled + " ORDER BY d.id":                                      "deployments_unsettled",
		eventColumns + "WHERE service = $1 AND seq > $2 ORDER BY seq LIMIT 256":                            "events_of_service",
		eventColumns + "WHERE deployment = $1 AND seq > $2 ORDER BY seq LIMIT 256":                         "events_of_deployment",
		eventColumns + "WHERE service = $1 AND seq > $2 ORDER BY seq DESC LIMIT 9":                         "events_of_service",
		"SELECT id FROM deployments WHERE service = $1 AND " + underWay + " ORDER BY id LIMIT 1":           "deployments_of_service",
		serviceColumns + "WHERE s.id = $1":                                                                 "deployments_live",
		eventColumns + "WHERE seq > $1 ORDER BY seq LIMIT 256":                                             "PRIMARY KEY",
		deploymentColumns + "WHERE d.account = $1 ORDER BY d.id DESC LIMIT 9":                              "deployments_of_account",
		deploymentColumns + "WHERE d.account = $1 AND d.id >= $2 AND d.id < $3 ORDER BY d.id DESC LIMIT 3": "deployments_of_account",
		deploymentColumns + "WHERE d.account = $1 AND d.project IN ($2) ORDER BY d.id DESC LIMIT 9":        "deployments_of_account",
		auditColumns + "WHERE account IN ($1) ORDER BY seq DESC LIMIT 9":                                   "audit_of_account",
		deploymentColumns + "WHERE d.service = $1 AND d.account || '' = $2 ORDER BY d.id DESC LIMIT 9":     "deployments_of_service",
		deploymentColumns + "WHERE d.account = $1 AND d.status = $2 ORDER BY d.id DESC LIMIT 9":            "deployments_of_status",
		"SELECT image FROM deployments WHERE " + imaged:                                                    "deployments_with_image",
		"SELECT id FROM deployments WHERE " + unsettled + " ORDER BY id":                                   "deployments_unsettled",
		tokenColumns + "WHERE t.hash = $1":                                                                 "sqlite_autoindex_tokens_2",
	} {
		plan := explainPlan(t, db, query)
		if !strings.Contains(plan, index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\nis not read from %s alone:\n%s", query, index, plan)
		}
	}
}

func explainPlan(t *testing.T, db *DB, query string) string {
	t.Helper()
	var args []any
	for i := 1; strings.Contains(query, fmt.Sprintf("$%d", i)); i++ {
		args = append(args, "x")
	}
	steps, err := list(t.Context(), db.reader, func(r row) (string, error) {
		var a, b, c int
		var detail string
		err := r.Scan(&a, &b, &c, &detail)
		return detail, err
	}, "EXPLAIN QUERY PLAN "+query, args...)
	must(t, err)
	return strings.Join(steps, "\n")
}

// TestTheStatusesInTheSQLAreThoseOfTheStateMachine holds what the statements and the schema spell out.
func TestTheStatusesInTheSQLAreThoseOfTheStateMachine(t *testing.T) {
	schema, err := migrations.ReadFile("migrations/sqlite/00001_records.sql")
	must(t, err)
	if !strings.Contains(string(schema), "WHERE "+unsettled) {
		t.Errorf("the index deployments_unsettled is not on %s", unsettled)
	}
	for _, status := range platform.Statuses() {
		if strings.Contains(unsettled, "'"+string(status)+"'") != status.Terminal() {
			t.Errorf("%s: terminal is %v, but not in %q", status, status.Terminal(), unsettled)
		}
		if strings.Contains(underWay, "'"+string(status)+"'") == status.Settled() {
			t.Errorf("%s: settled is %v, but not in %q", status, status.Settled(), underWay)
		}
	}
}

func TestTrimKeepsWhatClientsOfARolloutFollow(t *testing.T) {
	db, s := started(t)
	d, err := db.CreateDeployment(t.Context(), platform.Deployment{Service: s.ID})
	must(t, err)
	publish := func(n int) {
		t.Helper()
		for range n {
			_, err := db.Publish(t.Context(), platform.Event{Service: s.ID, Deployment: d.ID, Kind: "x", Time: time.Unix(1, 0)})
			must(t, err)
		}
	}
	publish(20)
	hard := Retention{Age: time.Hour, Rows: 5}
	dropped, err := db.Trim(t.Context(), hard)
	must(t, err)
	if dropped != 0 {
		t.Errorf("%d events of a rollout under way were dropped", dropped)
	}
	_, err = db.Advance(t.Context(), d.ID, platform.Queued, platform.Cancel, nil)
	must(t, err)
	publish(2 * trimBatch)
	dropped, err = db.Trim(t.Context(), hard)
	must(t, err)
	if dropped != 20+2*trimBatch {
		t.Errorf("%d events were dropped once it had settled", dropped)
	}
}
