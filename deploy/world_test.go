package deploy_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"csph/deploy"
	"csph/platform"
	"csph/store"
)

// world is a Deployer on real records, with a builder, engine, prober and router that do as the test says.
type world struct {
	*deploy.Deployer
	t       *testing.T
	db      *store.DB
	svc     platform.Service
	builder *fakeBuilder
	engine  *fakeEngine
	prober  *fakeProber
	router  *fakeRouter
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "csph.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Bootstrap(t.Context(), func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	accounts, err := db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	svc, err := db.CreateService(t.Context(), accounts[0].ID, "web", platform.Service{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, svc: svc, builder: newFakeBuilder(), engine: newFakeEngine(), prober: newFakeProber(), router: newFakeRouter()}
	w.boot()
	return w
}

// boot makes a Deployer on what is there, as csphd does at its start.
func (w *world) boot() {
	w.t.Helper()
	w.Deployer = deploy.New(deploy.Config{
		Records: w.db, Bus: w.db, Builder: w.builder, Engine: w.engine, Prober: w.prober, Router: w.router,
		Logger:   slog.New(slog.DiscardHandler),
		Hosts:    func(s platform.Service) []string { return []string{s.Name + ".localhost"} },
		URL:      func(s platform.Service) string { return "http://" + s.Name + ".localhost" },
		Capacity: deploy.Capacity{Spherelets: 20},
		Secrets: func(_ context.Context, service string, versions map[string]int64) (map[string]string, error) {
			return spelled(versions), nil
		},
		Quota: w.db.QuotaOf,
	})
	if err := w.Resume(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.Deployer.Close)
}

func (w *world) push(revision string) (platform.Deployment, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	return w.Deploy(ctx, deploy.Request{Service: w.svc.ID, Source: source(revision), Trigger: platform.Trigger{Kind: platform.TriggerPush}})
}

// mustPush pushes and expects the deployment to end with status.
func (w *world) mustPush(revision string, status platform.Status) platform.Deployment {
	w.t.Helper()
	d, err := w.push(revision)
	if err != nil {
		w.t.Fatalf("push %s: %v", revision, err)
	}
	if d.Status != status {
		w.t.Fatalf("push %s ended %s (%s: %s), want %s", revision, d.Status, d.Reason, d.Message, status)
	}
	return d
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			w.t.Fatalf("gave up waiting until %s", what)
		}
	}
}

var errBroken = errors.New("broken")
