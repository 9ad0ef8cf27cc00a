package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"csph/logs"
	"csph/platform"
	"csph/router"
)

func TestEachServiceHasAnAccessLogOfItsOwnThatIsBounded(t *testing.T) {
	state := t.TempDir()
	a := newAccessFiles(state)
	line := []byte(`{"path":"/"}` + "\n")
	for i := range 2 * accessOpen { // more than are kept open
		if err := a.WriteAccess(fmt.Sprintf("svc_%d", i), line); err != nil {
			t.Fatal(err)
		}
	}
	for _, service := range []string{"svc_0", "", "svc_0"} {
		if err := a.WriteAccess(service, slices.Concat(line, line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]int{"svc_0": 5, "svc_511": 1, unrouted: 2} {
		got, err := logs.Read(filepath.Join(state, "logs", "access", service+".log"), logs.Query{})
		if err != nil || len(got) != want || got[0].Text != `{"path":"/"}` {
			t.Errorf("%s: %v (%v), want %d lines", service, got, err, want)
		}
	}
	if err := removeAccessLog(state, "svc_0"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(a.path("svc_0")); !os.IsNotExist(err) {
		t.Errorf("the log of a service that is gone: %v", err)
	}
}

func TestTheAccessLogOfAServiceIsSampledAsConfigured(t *testing.T) {
	c := accessConfig{Every: 10, Services: map[string]int{"web": 1, "staging/web": 0, "shop/production/web": 5}}
	for _, x := range []struct {
		project, env, name string
		want               int
	}{
		{"default", "production", "web", 1}, {"default", "staging", "web", -1}, {"shop", "production", "web", 5}, {"default", "production", "api", 0},
	} {
		if got := c.everyOf(platform.Service{EnvName: x.env, Name: x.name}, x.project); got != x.want {
			t.Errorf("%s/%s/%s: %d, want %d", x.project, x.env, x.name, got, x.want)
		}
	}
	if none(0) != -1 || none(3) != 3 {
		t.Error("0 is not none")
	}
	if (accessConfig{Services: map[string]int{"web": -1}}).validate() == nil {
		t.Error("a negative number is accepted")
	}
}

func TestLogsAreReadableByTheirOwnerOnly(t *testing.T) {
	state := t.TempDir()
	if err := os.Mkdir(filepath.Join(state, "logs"), 0o755); err != nil { // as an earlier version made it
		t.Fatal(err)
	}
	for range 2 {
		if err := hideLogs(state); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Join(state, "logs")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestWhyNothingOfAServiceServesFollowsFromItsRecords(t *testing.T) {
	r, shop := reported(t)
	s := &server{db: r.db}
	check := func(when string, want router.Absence) {
		t.Helper()
		svc, err := r.db.Service(t.Context(), shop.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.absence(t.Context(), svc); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", when, got, err, want)
		}
	}
	check("without a deployment", router.NotLive)
	d := r.deployed(t, shop.ID, "", platform.EventAccepted)
	check("while one is under way", router.Starting)
	if _, err := r.db.Advance(t.Context(), d.Deployment, platform.Queued, platform.Cancel, nil); err != nil {
		t.Fatal(err)
	}
	check("after it has ended", router.Failing)
	if _, err := r.db.UpdateService(t.Context(), shop.ID, func(s *platform.Service) error { s.Suspended = true; return nil }); err != nil {
		t.Fatal(err)
	}
	check("suspended", router.Suspended)
}
