package store

import (
	"encoding/json"
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
