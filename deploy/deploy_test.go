package deploy_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"csph/deploy"
	"csph/platform"
	"csph/store"
)

func statuses(d platform.Deployment) []platform.Status {
	var all []platform.Status
	for _, p := range d.History {
		all = append(all, p.Status)
	}
	return all
}

func TestAPushGoesThroughTheFivePhases(t *testing.T) {
	w := newWorld(t)
	d := w.mustPush("r1", platform.Live)
	want := []platform.Status{platform.Queued, platform.Building, platform.RollingOut, platform.HealthCheck, platform.Live}
	if !slices.Equal(statuses(d), want) {
		t.Errorf("history is %v, want %v", statuses(d), want)
	}
	if got := w.router.of(w.svc.ID); len(got) != 1 || got[0].Port() != 8080 {
		t.Errorf("the router has %v", got)
	}
	if set := w.engine.applied[0]; set.Env["PORT"] != "8080" || set.Shape.Name != "FLX" {
		t.Errorf("the engine was given %+v", set)
	}
}

func TestTheSecondPushReplacesTheFirstAndDrainsIt(t *testing.T) {
	w := newWorld(t)
	first := w.mustPush("r1", platform.Live)
	old := w.router.of(w.svc.ID)
	second := w.mustPush("r2", platform.Live)
	w.until("the first version is removed", func() bool { return slices.Equal(w.engine.deployments(), []string{second.ID}) })
	if w.router.mu.Lock(); !slices.Equal(w.router.drained, old) {
		t.Errorf("drained %v, want %v", w.router.drained, old)
	}
	w.router.mu.Unlock()
	if d, _ := w.db.Deployment(t.Context(), first.ID); d.Status != platform.Retired {
		t.Errorf("the first version is %s", d.Status)
	}
}

func TestADrainDoesNotHoldTheNextDeploymentUp(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	w.router.hold = make(chan struct{})
	w.mustPush("r2", platform.Live)
	w.mustPush("r3", platform.Live)
	if n := len(w.engine.deployments()); n != 3 {
		t.Errorf("%d versions run while two drain, want 3", n)
	}
	close(w.router.hold)
	w.until("the drained ones are gone", func() bool { return len(w.engine.deployments()) == 1 })
}

func TestAFailedBuildChangesNothing(t *testing.T) {
	w := newWorld(t)
	live := w.mustPush("r1", platform.Live)
	w.builder.set(func(b *fakeBuilder) {
		b.fail = &platform.Failure{Reason: platform.BuildFailed, Message: "go build exited with status 1", Tail: []string{"main.go:3: oops"}}
	})
	d := w.mustPush("r2", platform.Failed)
	if d.Reason != platform.BuildFailed || !slices.Equal(d.Tail, []string{"main.go:3: oops"}) {
		t.Errorf("recorded %s %q %v", d.Reason, d.Message, d.Tail)
	}
	if got := w.engine.deployments(); !slices.Equal(got, []string{live.ID}) {
		t.Errorf("running: %v", got)
	}
}

func TestUnhealthySphereletsAreRemovedAndTheOldOnesKeepServing(t *testing.T) {
	w := newWorld(t)
	live := w.mustPush("r1", platform.Live)
	before := w.router.of(w.svc.ID)
	w.prober.set(false)
	_, _, err := w.Configure(t.Context(), w.svc.ID, platform.Trigger{Kind: platform.TriggerConfig}, func(c *platform.Config) error {
		c.Ready = &platform.Check{Path: "/up", FailureTimeout: 50 * time.Millisecond}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d := w.settled(platform.Failed)
	if d.Reason != platform.HealthCheckFailed || !strings.Contains(d.Message, "answered 500") || !strings.Contains(d.Message, "/up") {
		t.Errorf("recorded %s: %s", d.Reason, d.Message)
	}
	w.until("only the old version runs", func() bool { return slices.Equal(w.engine.deployments(), []string{live.ID}) })
	if got := w.router.of(w.svc.ID); !slices.Equal(got, before) {
		t.Errorf("the router moved from %v to %v", before, got)
	}
}

func TestARolloutThatWaitsSaysWhatFor(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	w.prober.set(false)
	w.prober.fallIll(true)
	w.Remind = time.Millisecond
	_, _, err := w.Configure(t.Context(), w.svc.ID, platform.Trigger{Kind: platform.TriggerConfig}, func(c *platform.Config) error {
		c.Ready = &platform.Check{Path: "/up", FailureTimeout: time.Minute}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.until("an event says what is waited for", func() bool {
		events, err := w.db.Events(t.Context(), store.Filter{Service: w.svc.ID}, 0)
		return err == nil && slices.ContainsFunc(events, func(e platform.Event) bool {
			return e.Kind == platform.EventUnhealthy && strings.Contains(e.Message, "is not healthy yet") && strings.Contains(e.Message, "of at most 1m0s: broken")
		})
	})
}

// settled waits until the newest deployment has settled and expects it to have ended with status.
func (w *world) settled(status platform.Status) platform.Deployment {
	w.t.Helper()
	all, err := w.db.Deployments(w.t.Context(), w.svc.ID, 1)
	if err != nil || len(all) == 0 {
		w.t.Fatalf("no deployment: %v", err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	d, err := w.Wait(ctx, all[0].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if d.Status != status {
		w.t.Fatalf("deployment ended %s (%s: %s), want %s", d.Status, d.Reason, d.Message, status)
	}
	return d
}

func TestASphereletThatKeepsCrashingFailsTheRolloutWithItsLastLines(t *testing.T) {
	w := newWorld(t)
	w.engine.end = &platform.Exit{Code: 3}
	d := w.mustPush("r1", platform.Failed)
	if d.Reason != platform.StartFailed || !strings.Contains(d.Message, "status 3") || !slices.Equal(d.Tail, []string{"last words"}) {
		t.Errorf("recorded %s: %s %v", d.Reason, d.Message, d.Tail)
	}
}

func TestOutOfMemoryNamesTheNextShape(t *testing.T) {
	w := newWorld(t)
	w.engine.end = &platform.Exit{Code: 137, OOM: true}
	d := w.mustPush("r1", platform.Failed)
	if d.Reason != platform.OutOfMemory || !strings.Contains(d.Hint, "MAX") {
		t.Errorf("recorded %s, hint %q", d.Reason, d.Hint)
	}
}

func TestARollbackCarriesImageAndEnvOverAsTheyWere(t *testing.T) {
	w := newWorld(t)
	set := func(v string) func(*platform.Config) error {
		return func(c *platform.Config) error { c.Env["COLOUR"] = v; return nil }
	}
	deployWith := func(rev, colour string) platform.Deployment {
		d, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: source(rev), Change: set(colour)})
		if err != nil || d.Status != platform.Live {
			t.Fatalf("deploy: %v %v", d.Status, err)
		}
		return d
	}
	first := deployWith("r1", "red")
	deployWith("r2", "blue")
	back, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, From: first.ID, Restore: true, Trigger: platform.Trigger{Kind: platform.TriggerRollback}})
	if err != nil || back.Status != platform.Live {
		t.Fatalf("rollback: %v %v", back.Status, err)
	}
	if back.ID == first.ID || back.Image.Digest != first.Image.Digest || back.Config.Env["COLOUR"] != "red" {
		t.Errorf("rolled back to %s %s %v", back.ID, back.Image.Digest, back.Config.Env)
	}
	if slices.Contains(statuses(back), platform.Building) {
		t.Error("a rollback was built")
	}
	if svc, _ := w.db.Service(t.Context(), w.svc.ID); svc.Config.Env["COLOUR"] != "blue" {
		t.Errorf("the service's own config became %v", svc.Config.Env)
	}
}

func TestARollbackKeepsTheCountThatTheServiceIsScaledTo(t *testing.T) {
	w := newWorld(t)
	first := w.mustPush("r1", platform.Live)
	w.mustPush("r2", platform.Live)
	w.configure(func(c *platform.Config) { c.Count = 3 })
	w.until("it is scaled", func() bool { return len(w.router.of(w.svc.ID)) == 3 })
	back, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, From: first.ID, Restore: true, Trigger: platform.Trigger{Kind: platform.TriggerRollback}})
	if err != nil || back.Status != platform.Live {
		t.Fatalf("rollback: %v %v", back.Status, err)
	}
	if back.Config.Count != 3 || len(w.router.of(w.svc.ID)) != 3 {
		t.Errorf("%d spherelets are asked for and %v serve", back.Config.Count, w.router.of(w.svc.ID))
	}
}

func TestANewerPushSupersedesTheOneThatBuilds(t *testing.T) {
	w := newWorld(t)
	w.builder.set(func(b *fakeBuilder) { b.hold = make(chan struct{}) })
	older := make(chan platform.Deployment, 1)
	go func() {
		d, _ := w.push("r1")
		older <- d
	}()
	<-w.builder.started
	w.builder.set(func(b *fakeBuilder) { b.hold = nil })
	newer := w.mustPush("r2", platform.Live)
	if d := <-older; d.Status != platform.Superseded {
		t.Errorf("the older push is %s", d.Status)
	}
	if got := w.engine.deployments(); !slices.Equal(got, []string{newer.ID}) {
		t.Errorf("running: %v", got)
	}
}

func TestAConfigChangeWaitsForTheBuildAndKeepsItsCode(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	hold := make(chan struct{})
	w.builder.set(func(b *fakeBuilder) { b.hold = hold })
	<-w.builder.started
	pushed := make(chan platform.Deployment, 1)
	go func() {
		d, _ := w.push("r2")
		pushed <- d
	}()
	<-w.builder.started
	_, deployed, err := w.Configure(t.Context(), w.svc.ID, platform.Trigger{Kind: platform.TriggerConfig}, func(c *platform.Config) error {
		c.Count = 2
		return nil
	})
	if err != nil || !deployed {
		t.Fatalf("configure: %v %v", deployed, err)
	}
	close(hold)
	d := <-pushed
	changed := w.settled(platform.Live)
	if d.Status != platform.Live && d.Status != platform.Retired {
		t.Errorf("the push ended %s", d.Status)
	}
	if changed.Image.Digest != d.Image.Digest || changed.Config.Count != 2 {
		t.Errorf("the config change runs %s × %d, want %s × 2", changed.Image.Digest, changed.Config.Count, d.Image.Digest)
	}
}

func TestCancelDuringTheBuildStopsItAndPastItIsRefused(t *testing.T) {
	w := newWorld(t)
	w.builder.set(func(b *fakeBuilder) { b.hold = make(chan struct{}) })
	d, err := w.Start(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r1")})
	if err != nil {
		t.Fatal(err)
	}
	<-w.builder.started
	if err := w.Cancel(t.Context(), d.ID); err != nil {
		t.Fatal(err)
	}
	if d, _ = w.db.Deployment(t.Context(), d.ID); d.Status != platform.Canceled {
		t.Errorf("deployment is %s", d.Status)
	}
	w.builder.set(func(b *fakeBuilder) { b.hold = nil })
	live := w.mustPush("r2", platform.Live)
	err = w.Cancel(t.Context(), live.ID)
	if !errors.Is(err, platform.ErrConflict) || !strings.Contains(err.Error(), "rollback") {
		t.Errorf("cancel of a live deployment: %v", err)
	}
}

func TestAClientThatGoesAwayCancelsTheBuildButNotTheRollout(t *testing.T) {
	w := newWorld(t)
	w.builder.set(func(b *fakeBuilder) { b.hold = make(chan struct{}) })
	ctx, hangUp := context.WithCancel(t.Context())
	done := make(chan platform.Deployment, 1)
	go func() {
		d, _ := w.Deploy(ctx, deploy.Request{Service: w.svc.ID, Source: source("r1")})
		done <- d
	}()
	<-w.builder.started
	hangUp()
	if d := <-done; d.Status != platform.Canceled {
		t.Errorf("build of a client that went away is %s", d.Status)
	}

	w.builder.set(func(b *fakeBuilder) { b.hold = nil })
	ctx, hangUp = context.WithCancel(t.Context())
	d, err := w.Deploy(ctx, deploy.Request{Service: w.svc.ID, Source: source("r2"), Accept: func(context.Context, platform.Deployment) error {
		hangUp()
		return nil
	}})
	if err == nil {
		t.Error("the wait was not cut short")
	}
	if d, err = w.Wait(t.Context(), d.ID); err != nil || d.Status != platform.Live {
		t.Errorf("rollout of a client that went away is %s, %v", d.Status, err)
	}
}

func TestATriggerThatRefusesTheBuiltImageFailsTheDeployment(t *testing.T) {
	w := newWorld(t)
	d, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r1"), Accept: func(context.Context, platform.Deployment) error { return errBroken }})
	if err != nil || d.Status != platform.Failed || !strings.Contains(d.Message, "broken") {
		t.Errorf("ended %s: %s (%v)", d.Status, d.Message, err)
	}
	if got := w.engine.deployments(); got != nil {
		t.Errorf("running: %v", got)
	}
}

func TestAFailedReleaseCommandStartsNothing(t *testing.T) {
	w := newWorld(t)
	w.engine.once = 9
	d, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: procfile("r1")})
	if err != nil || d.Reason != platform.ReleaseCommandFailed || !slices.Equal(d.Tail, []string{"migrating"}) {
		t.Errorf("ended %s %s %v (%v)", d.Status, d.Reason, d.Tail, err)
	}
	if len(w.engine.applied) != 0 {
		t.Error("spherelets were started")
	}
}

// procfile is a static site with a release command.
type procfile string

func (s procfile) Describe() platform.Source {
	return platform.Source{Kind: platform.FromGit, Revision: string(s)}
}
func (s procfile) Checkout(context.Context) (string, error) { return "testdata/release", nil }

func TestWhatDoesNotFitTheCapacityIsRefusedWithTheFigures(t *testing.T) {
	w := newWorld(t)
	_, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r1"), Change: func(c *platform.Config) error { c.Count = 21; return nil }})
	if !errors.Is(err, platform.ErrCapacity) || !strings.Contains(err.Error(), "21") || !strings.Contains(err.Error(), "20") {
		t.Errorf("got %v", err)
	}
}

func TestAReferenceWithACredentialIsInNoRecord(t *testing.T) {
	w := newWorld(t)
	for _, ref := range []string{"me:hunter2@registry.example.com/app:1", "https://me:hunter2@registry.example.com/app", "app@hunter2"} {
		_, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Image: ref})
		if !errors.Is(err, platform.ErrInvalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if all, err := w.db.Deployments(t.Context(), w.svc.ID, 10); err != nil || len(all) != 0 {
		t.Errorf("%d deployments, %v", len(all), err)
	}
	exact := "registry.example.com/app:1@sha256:" + strings.Repeat("a", 64)
	if d, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Image: exact}); err != nil || d.Source.Image != exact {
		t.Errorf("one with a digest: %+v, %v", d.Source, err)
	}
}

func TestARefusedChangeLeavesTheServiceAsItWas(t *testing.T) {
	w := newWorld(t)
	for _, change := range []func(*platform.Config) error{
		func(c *platform.Config) error { c.Shape = "XXL"; return nil },
		func(c *platform.Config) error { c.Env["1X"] = "v"; return nil },
		func(c *platform.Config) error { c.Env["X"] = "v"; return errBroken },
		func(c *platform.Config) error { c.Port = 70000; return nil },
		func(c *platform.Config) error { c.Dir = "../elsewhere"; return nil },
		func(c *platform.Config) error { c.Dir = "/etc"; return nil },
		func(c *platform.Config) error { c.Run = "./app\x00"; return nil },
	} {
		if _, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r1"), Change: change}); err == nil {
			t.Error("a bad change was accepted")
		}
	}
	if svc, _ := w.db.Service(t.Context(), w.svc.ID); len(svc.Config.Env) != 0 || svc.Config.Shape != "FLX" || svc.Config.Dir != "" || svc.Config.Run != "" {
		t.Errorf("config became %+v", svc.Config)
	}
}

func TestASphereletThatStopsRunningLosesItsTrafficUntilItIsBack(t *testing.T) {
	w := newWorld(t)
	d := w.mustPush("r1", platform.Live)
	w.engine.change(d.ID, func(s *platform.Spherelet) {
		s.State, s.Exits, s.LastExit = platform.BackOff, 1, &platform.Exit{Code: 1}
	})
	w.until("the router has no target", func() bool { return len(w.router.of(w.svc.ID)) == 0 })
	w.engine.change(d.ID, func(s *platform.Spherelet) { s.State, s.Started = platform.Running, time.Now() })
	w.until("the router has it back", func() bool { return len(w.router.of(w.svc.ID)) == 1 })
}

func TestOnlyTheNewestDeploymentsKeepTheirImage(t *testing.T) {
	w := newWorld(t)
	var all []platform.Deployment
	for i := range 13 {
		all = append(all, w.mustPush(string(rune('a'+i)), platform.Live))
	}
	w.until("the oldest three have no image", func() bool {
		d, err := w.db.Deployment(t.Context(), all[2].ID)
		return err == nil && d.Image.Digest == ""
	})
	if d, _ := w.db.Deployment(t.Context(), all[3].ID); d.Image.Digest == "" {
		t.Error("the tenth newest lost its image")
	}
	_, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, From: all[0].ID, Restore: true})
	if !errors.Is(err, platform.ErrConflict) {
		t.Errorf("rollback to a deployment without image: %v", err)
	}
}

func TestWithdrawRemovesEverythingOfAService(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	if err := w.Withdraw(t.Context(), w.svc.ID); err != nil {
		t.Fatal(err)
	}
	if got := w.engine.deployments(); got != nil {
		t.Errorf("running: %v", got)
	}
	if _, err := w.db.Service(t.Context(), w.svc.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("service: %v", err)
	}
}
