package deploy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"csph/deploy"
	"csph/platform"
)

// spelled makes values of versions: what a rollback restored can be told from them.
func spelled(versions map[string]int64) map[string]string {
	values := map[string]string{}
	for name, version := range versions {
		values[name] = fmt.Sprintf("%s-%d", strings.ToLower(name), version)
	}
	return values
}

// configure changes the service's config, and reports whether that made a deployment.
func (w *world) configure(change func(*platform.Config)) bool {
	w.t.Helper()
	_, deployed, err := w.Configure(w.t.Context(), w.svc.ID, platform.Trigger{Kind: platform.TriggerConfig}, func(c *platform.Config) error {
		change(c)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return deployed
}

func (w *world) service() platform.Service {
	w.t.Helper()
	svc, err := w.db.Service(w.t.Context(), w.svc.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return svc
}

func TestAChangeOfTheCountAloneScalesWithoutADeployment(t *testing.T) {
	w := newWorld(t)
	d := w.mustPush("r1", platform.Live)
	if w.configure(func(c *platform.Config) { c.Count = 3 }) {
		t.Fatal("scaling up made a deployment")
	}
	w.until("three serve", func() bool { return len(w.router.of(w.svc.ID)) == 3 })
	before := w.router.of(w.svc.ID)
	if svc := w.service(); svc.Live != d.ID || svc.Scale != 3 || svc.Size(d) != 3 {
		t.Errorf("the service is %+v", svc)
	}

	hold := make(chan struct{})
	w.router.set(func(r *fakeRouter) { r.hold = hold })
	if w.configure(func(c *platform.Config) { c.Count = 1 }) {
		t.Fatal("scaling down, right behind scaling up, made a deployment")
	}
	w.until("those that go get no requests and still run, while they drain", func() bool {
		return len(w.router.of(w.svc.ID)) == 1 && len(w.engine.Spherelets(d.ID)) == 3
	})
	close(hold)
	w.until("one serves and one runs", func() bool {
		return len(w.router.of(w.svc.ID)) == 1 && len(w.engine.Spherelets(d.ID)) == 1
	})
	if got := w.router.of(w.svc.ID); got[0] != before[0] {
		t.Errorf("%v serves; want the oldest, %v", got, before[0])
	}
	if drained := w.router.drainedTargets(); !slices.Equal(drained, before[1:]) {
		t.Errorf("%v were drained before they were stopped; want %v", drained, before[1:])
	}
	w.mustPush("r2", platform.Live)
	if svc := w.service(); svc.Scale != 0 {
		t.Errorf("a new version keeps the scale %d of the old one", svc.Scale)
	}
}

func TestAScaledServiceHasAsManySphereletsAfterARestart(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	w.configure(func(c *platform.Config) { c.Count = 2 })
	w.until("two serve", func() bool { return len(w.router.of(w.svc.ID)) == 2 })
	w.Close()
	w.engine = newFakeEngine() // the machine was restarted too
	w.boot()
	w.until("two serve again", func() bool { return len(w.engine.Spherelets("")) == 2 && len(w.router.of(w.svc.ID)) == 2 })
}

func TestScalingAfterARollbackKeepsTheVersionThatWasRolledBackTo(t *testing.T) {
	w := newWorld(t)
	first := w.mustPush("r1", platform.Live)
	w.configure(func(c *platform.Config) { c.Env["A"] = "1" })
	w.until("the change is live", func() bool { return w.service().Live != first.ID })
	back, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, From: first.ID, Restore: true})
	if err != nil || back.Status != platform.Live {
		t.Fatalf("%+v, %v", back, err)
	}
	if w.configure(func(c *platform.Config) { c.Count = 2 }) {
		t.Error("a change of the count alone was deployed")
	}
	w.until("two serve", func() bool { return len(w.router.of(w.svc.ID)) == 2 })
	if live := w.service().Live; live != back.ID {
		t.Errorf("%s is live, not the rollback %s", live, back.ID)
	}
}

func TestACountThatComesWithSomethingElseIsADeployment(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	if !w.configure(func(c *platform.Config) { c.Count, c.Env["A"] = 2, "1" }) {
		t.Error("a variable was changed without a deployment")
	}
	if d := w.settled(platform.Live); d.Config.Count != 2 || d.Config.Env["A"] != "1" {
		t.Errorf("live is %+v", d.Config)
	}
}

func TestWhatDoesNotFitIsNotScaled(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	_, _, err := w.Configure(t.Context(), w.svc.ID, platform.Trigger{}, func(c *platform.Config) error { c.Count = 21; return nil })
	if !errors.Is(err, platform.ErrCapacity) {
		t.Errorf("error is %v", err)
	}
	if svc := w.service(); svc.Config.Count != 1 || svc.Scale != 0 {
		t.Errorf("the refused change left %+v", svc)
	}
}

func TestASuspendedServiceHasNoSphereletsUntilADeploymentResumesIt(t *testing.T) {
	w := newWorld(t)
	d := w.mustPush("r1", platform.Live)
	if err := w.Suspend(t.Context(), w.svc.ID); err != nil {
		t.Fatal(err)
	}
	if n := len(w.engine.Spherelets("")); n != 0 || len(w.router.of(w.svc.ID)) != 0 {
		t.Fatalf("%d spherelets run and %v serve", n, w.router.of(w.svc.ID))
	}
	if err := w.Suspend(t.Context(), w.svc.ID); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("suspending it twice says %v", err)
	}
	if w.configure(func(c *platform.Config) { c.Env["A"] = "1" }) {
		t.Error("a config change of a suspended service was rolled out")
	}
	w.Close()
	w.boot()
	if n := len(w.engine.Spherelets("")); n != 0 || !w.service().Suspended {
		t.Fatalf("after a restart %d spherelets run, suspended is %v", n, w.service().Suspended)
	}

	resumed, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, From: d.ID, Trigger: platform.Trigger{Kind: platform.TriggerResume}})
	if err != nil || resumed.Status != platform.Live {
		t.Fatalf("%+v, %v", resumed, err)
	}
	if svc := w.service(); svc.Suspended || len(w.router.of(w.svc.ID)) != 1 || resumed.Config.Env["A"] != "1" {
		t.Errorf("resumed: %+v with %v", svc, resumed.Config.Env)
	}
}

func TestAServiceWithARolloutUnderWayIsNotSuspended(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	hold := make(chan struct{})
	w.builder.set(func(b *fakeBuilder) { b.hold = hold })
	pushed := make(chan error, 1)
	<-w.builder.started
	go func() {
		_, err := w.push("r2")
		pushed <- err
	}()
	<-w.builder.started
	if err := w.Suspend(t.Context(), w.svc.ID); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	close(hold)
	if err := <-pushed; err != nil {
		t.Error(err)
	}
}

func TestSecretsReachTheSphereletsInTheVersionsOfTheirDeployment(t *testing.T) {
	w := newWorld(t)
	w.configure(func(c *platform.Config) { c.Env["KEY"], c.Secrets = "plain", map[string]int64{"KEY": 1, "PORT": 1} })
	first := w.mustPush("r1", platform.Live)
	w.configure(func(c *platform.Config) { c.Secrets["KEY"] = 2 })
	w.settled(platform.Live)
	w.until("the change is live", func() bool { return w.service().Live != first.ID })
	back, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, From: first.ID, Restore: true})
	if err != nil || back.Status != platform.Live {
		t.Fatalf("%+v, %v", back, err)
	}
	var got []string
	for _, set := range w.engine.sets() {
		got = append(got, set.Env["KEY"])
		if set.Env["PORT"] != "8080" {
			t.Errorf("PORT is %q: a secret has replaced what the system sets", set.Env["PORT"])
		}
	}
	if !slices.Equal(got, []string{"key-1", "key-2", "key-1"}) {
		t.Errorf("the spherelets got %v", got)
	}
	if first.Config.Env["KEY"] != "plain" {
		t.Errorf("the record holds %q", first.Config.Env["KEY"])
	}
}

func TestAnAccountsQuotaIsKeptAndTheRefusalHasTheFigures(t *testing.T) {
	w := newWorld(t)
	accounts, err := w.db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.SetQuota(t.Context(), accounts[0].ID, platform.Quota{Spherelets: 2, MemoryMB: 4096, Builds: 1}, nil); err != nil {
		t.Fatal(err)
	}
	other, err := w.db.CreateService(t.Context(), accounts[0].ID, "other", platform.Service{})
	if err != nil {
		t.Fatal(err)
	}
	w.mustPush("r1", platform.Live)
	three := func(c *platform.Config) error { c.Count = 2; return nil }
	_, err = w.Deploy(t.Context(), deploy.Request{Service: other.ID, Source: source("r1"), Change: three})
	if !errors.Is(err, platform.ErrCapacity) || !strings.Contains(err.Error(), "needs 2 spherelets; the account may use 2 and its other services use 1") {
		t.Errorf("too many spherelets: %v", err)
	}
	large := func(c *platform.Config) error { c.Count, c.Shape = 1, "PWR"; return nil }
	_, err = w.Deploy(t.Context(), deploy.Request{Service: other.ID, Source: source("r1"), Change: large})
	if !errors.Is(err, platform.ErrCapacity) || !strings.Contains(err.Error(), "4096 MB of memory") {
		t.Errorf("too much memory: %v", err)
	}
	if after, err := w.db.Service(t.Context(), other.ID); err != nil || after.Config.Count != 1 || after.Config.Shape != "FLX" {
		t.Errorf("what was refused is kept: %+v, %v", after.Config, err)
	}

	hold := make(chan struct{})
	w.builder.set(func(b *fakeBuilder) { b.hold = hold })
	<-w.builder.started
	if _, err := w.Start(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r2")}); err != nil {
		t.Fatal(err)
	}
	<-w.builder.started
	small := func(c *platform.Config) error { c.Shape = "FLX"; return nil }
	_, err = w.Start(t.Context(), deploy.Request{Service: other.ID, Source: source("r1"), Change: small})
	if !errors.Is(err, platform.ErrCapacity) || !strings.Contains(err.Error(), "1 deployments queued or building") {
		t.Errorf("too many builds: %v", err)
	}
	close(hold)
	w.settled(platform.Live)
}

// TestOfAdminsWhoChangeALiveServiceAtOnceNobodysChangeIsLost: each changes a variable, and one the count; whatever the order, the
// last version to go live has everything.
func TestOfAdminsWhoChangeALiveServiceAtOnceNobodysChangeIsLost(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	const admins = 6
	var done sync.WaitGroup
	for i := range admins {
		done.Go(func() {
			_, _, err := w.Configure(t.Context(), w.svc.ID, platform.Trigger{Kind: platform.TriggerConfig}, func(c *platform.Config) error {
				c.Env[fmt.Sprintf("OF_%d", i)] = "x"
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Go(func() {
		if _, _, err := w.Configure(t.Context(), w.svc.ID, platform.Trigger{Kind: platform.TriggerConfig}, func(c *platform.Config) error { c.Count = 2; return nil }); err != nil {
			t.Error(err)
		}
	})
	done.Wait()
	w.until("what is live has all of it", func() bool {
		svc := w.service()
		live, err := w.db.Deployment(t.Context(), svc.Live)
		return err == nil && len(live.Config.Env) == admins && svc.Size(live) == 2 && len(w.router.of(w.svc.ID)) == 2
	})
}
