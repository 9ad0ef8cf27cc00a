package deploy_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"csph/deploy"
	"csph/platform"
)

// checked makes the service's health check so quick that a test can wait for it.
func (w *world) checked(h platform.Health) {
	w.t.Helper()
	h.Check, h.Period = platform.Check{Path: "/"}, 5*time.Millisecond
	_, err := w.db.UpdateService(w.t.Context(), w.svc.ID, func(s *platform.Service) error {
		s.Config.Health = &h
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestASphereletThatFallsIllLeavesTheRouterAndComesBackWell(t *testing.T) {
	w := newWorld(t)
	w.checked(platform.Health{Failure: time.Hour, Disconnect: 20 * time.Millisecond, Recovery: 20 * time.Millisecond})
	w.mustPush("one", platform.Live)
	w.prober.fallIll(true)
	w.until("it is out of the router", func() bool { return len(w.router.of(w.svc.ID)) == 0 })
	w.prober.fallIll(false)
	w.until("it is back in the router", func() bool { return len(w.router.of(w.svc.ID)) == 1 })
}

func TestASphereletThatStaysIllIsRestarted(t *testing.T) {
	w := newWorld(t)
	w.checked(platform.Health{Failure: 30 * time.Millisecond, Disconnect: time.Hour, Recovery: time.Hour})
	dep := w.mustPush("one", platform.Live)
	w.prober.fallIll(true)
	w.until("it was restarted", func() bool { return w.engine.Spherelets(dep.ID)[0].Exits > 0 })
	w.prober.fallIll(false)
	w.until("it serves again", func() bool { return len(w.router.of(w.svc.ID)) == 1 })
}

func TestAfterARestartOfCsphdHealthIsCheckedAgain(t *testing.T) {
	w := newWorld(t)
	w.checked(platform.Health{Failure: time.Hour, Disconnect: 20 * time.Millisecond, Recovery: 20 * time.Millisecond})
	w.mustPush("one", platform.Live)
	w.Deployer.Close()
	w.boot()
	w.prober.fallIll(true)
	w.until("it is out of the router", func() bool { return len(w.router.of(w.svc.ID)) == 0 })
}

// zeropsTree is a source with a zerops.yml that wants temporaryShutdown.
type zeropsTree struct{ source }

func (zeropsTree) Checkout(context.Context) (string, error) {
	return filepath.Join("testdata", "zerops"), nil
}

func (w *world) pushZerops(revision string, status platform.Status) platform.Deployment {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	d, err := w.Deploy(ctx, deploy.Request{Service: w.svc.ID, Source: zeropsTree{source(revision)}, Trigger: platform.Trigger{Kind: platform.TriggerPush}})
	if err != nil || d.Status != status {
		w.t.Fatalf("push ended %s (%s), %v; want %s", d.Status, d.Message, err, status)
	}
	return d
}

func TestTemporaryShutdownStopsTheOldBeforeTheNewStarts(t *testing.T) {
	w := newWorld(t)
	one := w.pushZerops("one", platform.Live)
	two := w.pushZerops("two", platform.Live)
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	for _, e := range w.engine.story {
		if e == "apply "+two.ID {
			t.Fatalf("the new one was started first: %v", w.engine.story)
		}
		if e == "remove "+one.ID {
			return
		}
	}
	t.Errorf("the old one was never stopped: %v", w.engine.story)
}

func TestWhenTheNewOneFailsTheOneThatMadeWayComesBack(t *testing.T) {
	w := newWorld(t)
	one := w.pushZerops("one", platform.Live)
	w.engine.mu.Lock()
	w.engine.end = &platform.Exit{Code: 1, At: time.Now()}
	w.engine.mu.Unlock()
	w.pushZerops("two", platform.Failed)
	w.engine.mu.Lock()
	w.engine.end = nil
	w.engine.mu.Unlock()
	w.until("the old one is there again", func() bool { return len(w.engine.Spherelets(one.ID)) == 1 })
	svc, err := w.db.Service(t.Context(), w.svc.ID)
	if err != nil || svc.Live != one.ID {
		t.Errorf("live is %s, want %s (%v)", svc.Live, one.ID, err)
	}
}

func TestWhatZeropsSaysGoesWithTheImage(t *testing.T) {
	w := newWorld(t)
	_, err := w.db.UpdateService(t.Context(), w.svc.ID, func(s *platform.Service) error {
		s.Config.Env = map[string]string{"MODE": "service", "OTHER": "kept"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	one := w.pushZerops("one", platform.Live)
	again, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, From: one.ID, Restore: true, Trigger: platform.Trigger{Kind: platform.TriggerRollback}})
	if err != nil || again.Status != platform.Live {
		t.Fatalf("%v, %v", again.Status, err)
	}
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	for _, set := range w.engine.applied {
		if set.Env["MODE"] != "zerops" || set.Env["OTHER"] != "kept" || set.Env["PORT"] != "8080" {
			t.Errorf("variables are %v", set.Env)
		}
		if set.Launch == nil || len(set.Launch.Init) != 1 || set.Launch.Processes[0].Command != "node server.js" {
			t.Errorf("launch is %+v", set.Launch)
		}
	}
	if again.Readiness() == nil || again.Readiness().Exec != "true" || again.Health().Path != "/up" {
		t.Errorf("checks are %+v, %+v", again.Readiness(), again.Health())
	}
}
