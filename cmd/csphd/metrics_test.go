package main

import (
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"csph/platform"
	"csph/router"
	"csph/store"
)

// counted is a server that only counts, with a service in each of two accounts.
func counted(t *testing.T) *server {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "csph.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Bootstrap(t.Context(), func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := db.CreateAccount(t.Context(), "other", platform.Quota{}); err != nil {
		t.Fatal(err)
	}
	f := &front{router: router.New(router.Config{}), since: time.Now()}
	t.Cleanup(func() { _ = f.router.Shutdown(t.Context()) })
	accounts, err := db.Accounts(t.Context())
	if err != nil || len(accounts) != 2 {
		t.Fatalf("%d accounts, %v", len(accounts), err)
	}
	for i, a := range accounts {
		svc, err := db.CreateService(t.Context(), a.ID, []string{"web", "shop"}[i], platform.Service{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.router.Swap(t.Context(), svc.ID, []string{a.Name + ".test"}, []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Loopback(), uint16(1000+i))}); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{front: f, router: f.router, db: db, logger: slog.New(slog.DiscardHandler)}
	s.metrics = newMetrics(s)
	return s
}

func TestMetricsNameServicesAndCountDeployments(t *testing.T) {
	s := counted(t)
	s.metrics.count(platform.Event{Kind: platform.EventStatus, Status: string(platform.Live)})
	s.metrics.count(platform.Event{Kind: platform.EventStatus, Status: string(platform.Building)}) // not settled
	s.metrics.count(platform.Event{Kind: platform.EventBuild, Status: "RUNNING"})
	s.metrics.count(platform.Event{Kind: platform.EventBuild, Status: "FAILED"})
	answer := httptest.NewRecorder()
	s.metrics.handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text := answer.Body.String()
	for _, want := range []string{
		`csph_router_requests_in_flight{service="default/production/web"} 0`, `csph_router_requests_in_flight{service="other/default/production/shop"} 0`,
		`csph_deployments_total{status="live"} 1`, `csph_builds_total{status="FAILED"} 1`, `csph_deployments{status="queued"} 0`,
		"process_cpu_seconds_total", "go_goroutines",
	} {
		if answer.Code != 200 || !strings.Contains(text, want) {
			t.Errorf("no %s in %d\n%s", want, answer.Code, text)
		}
	}
	if strings.Contains(text, "RUNNING") || strings.Contains(text, `csph_deployments_total{status="building"}`) {
		t.Errorf("what has not ended is counted:\n%s", text)
	}
}

func TestTheDebugPageShowsRoutesAsHTMLAndJSON(t *testing.T) {
	s := counted(t)
	snapshot, names := s.router.Snapshot(), s.metrics.nameOf
	if len(snapshot.Routes) != 2 {
		t.Fatalf("routes %+v", snapshot.Routes)
	}
	page, err := newDebugPage(func() debugState { return debugState{Version: "v7", Router: snapshot} }, names, s.logger)
	if err != nil {
		t.Fatal(err)
	}
	for query, wants := range map[string][]string{
		"":             {"<title>csphd v7</title>", "other/default/production/shop", "default.test", "[::1]:1000", "</html>"},
		"?format=json": {`"version":"v7"`, `"other/default/production/shop"`, `"address":"[::1]:1001"`},
	} {
		answer := httptest.NewRecorder()
		page.ServeHTTP(answer, httptest.NewRequest("GET", "/debug"+query, nil))
		for _, want := range wants {
			if answer.Code != 200 || !strings.Contains(answer.Body.String(), want) {
				t.Errorf("%q: no %s in %d\n%s", query, want, answer.Code, answer.Body)
			}
		}
	}
}
