package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"csph/deploy"
	"csph/platform"
)

// crash ends the Deployer where it stands, as a kill of csphd does, and boots another on what is left.
func (w *world) crash() {
	w.Deployer.Close()
	w.boot()
}

func TestAfterARestartTheRouterHasTheLiveTargetsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	before := w.router.of(w.svc.ID)
	w.prober.set(false) // nobody needs to be asked: they were serving
	w.router = newFakeRouter()
	w.crash()
	if got := w.router.of(w.svc.ID); !slices.Equal(got, before) || len(got) == 0 {
		t.Errorf("after the restart the router has %v, want %v", got, before)
	}
}

func TestAfterARebootTheLiveVersionIsStartedAgain(t *testing.T) {
	w := newWorld(t)
	d := w.mustPush("r1", platform.Live)
	w.Deployer.Close()
	w.engine, w.router = newFakeEngine(), newFakeRouter()
	w.boot()
	w.until("it serves again", func() bool { return len(w.router.of(w.svc.ID)) == 1 })
	if got := w.engine.deployments(); !slices.Equal(got, []string{d.ID}) {
		t.Errorf("running: %v", got)
	}
}

func TestABuildThatARestartInterruptedFailsWithAReason(t *testing.T) {
	w := newWorld(t)
	w.builder.set(func(b *fakeBuilder) { b.hold = make(chan struct{}) })
	d, err := w.Start(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r1")})
	if err != nil {
		t.Fatal(err)
	}
	<-w.builder.started
	w.crash()
	d, err = w.db.Deployment(t.Context(), d.ID)
	if err != nil || d.Status != platform.Failed || d.Reason != platform.Internal || !strings.Contains(d.Message, "building") {
		t.Errorf("it is %s %s: %s (%v)", d.Status, d.Reason, d.Message, err)
	}
}

func TestARolloutThatARestartInterruptedGoesOn(t *testing.T) {
	w := newWorld(t)
	first := w.mustPush("r1", platform.Live)
	w.prober.set(false)
	d, err := w.Start(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r2")})
	if err != nil {
		t.Fatal(err)
	}
	w.until("it is being checked", func() bool {
		now, err := w.db.Deployment(t.Context(), d.ID)
		return err == nil && now.Status == platform.HealthCheck
	})
	w.prober.set(true)
	w.crash()
	if d, err = w.Wait(t.Context(), d.ID); err != nil || d.Status != platform.Live {
		t.Fatalf("it ended %s: %s (%v)", d.Status, d.Message, err)
	}
	w.until("the version before is gone", func() bool { return slices.Equal(w.engine.deployments(), []string{d.ID}) })
	if old, _ := w.db.Deployment(t.Context(), first.ID); old.Status != platform.Retired {
		t.Errorf("the version before is %s", old.Status)
	}
}

func TestSphereletsThatBelongToNothingAreRemovedAtTheStart(t *testing.T) {
	w := newWorld(t)
	live := w.mustPush("r1", platform.Live)
	stray := platform.Set{Deployment: "dep_stray", Service: w.svc.ID, Count: 2, Port: 8080}
	if err := w.engine.Apply(t.Context(), stray); err != nil {
		t.Fatal(err)
	}
	w.crash()
	w.until("the stray ones are gone", func() bool { return slices.Equal(w.engine.deployments(), []string{live.ID}) })
}

func TestAReleaseCommandThatHasRunIsNotRunAgainAfterARestart(t *testing.T) {
	w := newWorld(t)
	w.prober.set(false)
	d, err := w.Start(t.Context(), deploy.Request{Service: w.svc.ID, Source: procfile("r1")})
	if err != nil {
		t.Fatal(err)
	}
	w.until("it is being checked", func() bool {
		now, err := w.db.Deployment(t.Context(), d.ID)
		return err == nil && now.Status == platform.HealthCheck
	})
	w.prober.set(true)
	w.crash()
	if d, err = w.Wait(t.Context(), d.ID); err != nil || d.Status != platform.Live {
		t.Fatalf("it ended %s: %s (%v)", d.Status, d.Message, err)
	}
	if w.engine.onces != 1 {
		t.Errorf("the release command ran %d times", w.engine.onces)
	}
}
