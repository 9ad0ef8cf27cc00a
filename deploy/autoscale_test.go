package deploy_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"csph/deploy"
	"csph/platform"
	"csph/store"
)

// autoscaled is a world whose service is live and autoscaled.
func autoscaled(t *testing.T) (*world, platform.Deployment) {
	w := newWorld(t)
	d := w.mustPush("r1", platform.Live)
	if w.configure(func(c *platform.Config) { c.Autoscale = &platform.Autoscale{Min: 1, Max: 10, CPU: 70} }) {
		t.Fatal("turning autoscaling on made a deployment")
	}
	return w, d
}

func TestWhatDecidesTheCountIsKeptWithoutADeployment(t *testing.T) {
	w, d := autoscaled(t)
	if svc := w.service(); svc.Live != d.ID || svc.Config.Autoscale == nil || svc.Scale != 0 {
		t.Errorf("the service is %+v", svc)
	}
	hold := make(chan struct{})
	w.builder.set(func(b *fakeBuilder) { b.hold = hold })
	<-w.builder.started
	pushed := make(chan error, 1)
	go func() {
		_, err := w.push("r2")
		pushed <- err
	}()
	<-w.builder.started
	if w.configure(func(c *platform.Config) { c.Autoscale = nil }) {
		t.Error("turning autoscaling off while a build runs made a deployment")
	}
	close(hold)
	if err := <-pushed; err != nil {
		t.Error(err)
	}
	if svc := w.service(); svc.Config.Autoscale != nil {
		t.Errorf("it is still on: %+v", svc.Config)
	}
}

func TestNewBoundsBringTheCountAlongWithoutADeployment(t *testing.T) {
	w, d := autoscaled(t)
	if w.configure(func(c *platform.Config) { c.Autoscale, c.Count = &platform.Autoscale{Min: 2, Max: 4, CPU: 70}, 2 }) {
		t.Error("they made a deployment")
	}
	w.until("two serve", func() bool { return len(w.router.of(w.svc.ID)) == 2 })
	if svc := w.service(); svc.Live != d.ID || svc.Config.Autoscale.Min != 2 {
		t.Errorf("the service is %+v", svc)
	}
}

func TestRescalingChangesTheCountAndSaysWhy(t *testing.T) {
	w, d := autoscaled(t)
	w.until("it is on duty", func() bool { return len(w.OnDuty(w.svc.ID)) == 1 })
	out, err := w.Rescale(t.Context(), w.svc.ID, 1, 3, "CPU at 91 %, over 70 %")
	if err != nil || out.Count != 3 || out.Short != nil {
		t.Fatalf("%+v, %v", out, err)
	}
	w.until("three serve", func() bool { return len(w.OnDuty(w.svc.ID)) == 3 })
	w.until("the event says why", func() bool {
		return w.told(platform.EventScaling, "scaling from 1 to 3 spherelets: CPU at 91 %, over 70 %")
	})
	if svc := w.service(); svc.Live != d.ID || svc.Config.Count != 3 {
		t.Errorf("the service is %+v", svc)
	}
	w.until("it can be scaled down", func() bool {
		_, err := w.Rescale(t.Context(), w.svc.ID, 3, 1, "CPU at 2 %, under 70 %")
		return err == nil
	})
	w.until("one serves", func() bool { return len(w.OnDuty(w.svc.ID)) == 1 })
}

// told reports whether there was an event of the service with that message.
func (w *world) told(kind, message string) bool {
	w.t.Helper()
	for e, err := range w.db.Subscribe(w.t.Context(), store.Filter{Service: w.svc.ID}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Kind == kind && strings.Contains(e.Message, message) {
			return true
		}
	}
	return false
}

func TestRescalingGoesAsFarAsThereIsRoom(t *testing.T) {
	w, _ := autoscaled(t)
	accounts, err := w.db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.SetQuota(t.Context(), accounts[0].ID, platform.Quota{Spherelets: 3}, nil); err != nil {
		t.Fatal(err)
	}
	out, err := w.Rescale(t.Context(), w.svc.ID, 1, 8, "")
	if err != nil || out.Count != 3 || !errors.Is(out.Short, platform.ErrCapacity) || !strings.Contains(out.Short.Error(), "needs 8 spherelets; the account may use 3") {
		t.Fatalf("%+v, %v", out, err)
	}
	w.until("three serve", func() bool { return len(w.OnDuty(w.svc.ID)) == 3 })
	w.until("there is no room for another", func() bool {
		out, err = w.Rescale(t.Context(), w.svc.ID, 3, 4, "")
		return err == nil && out.Count == 3 && out.Short != nil
	})
	if got := w.service().Config.Count; got != 3 {
		t.Errorf("the count is %d", got)
	}
}

func TestARescaleThatCameTooLateChangesNothing(t *testing.T) {
	w, _ := autoscaled(t)
	late := func(what string, from int) {
		t.Helper()
		if _, err := w.Rescale(t.Context(), w.svc.ID, from, 4, ""); !errors.Is(err, platform.ErrConflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	late("somebody else has scaled it", 2)
	if err := w.Suspend(t.Context(), w.svc.ID); err != nil {
		t.Fatal(err)
	}
	late("it is suspended", 1)
	if _, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, From: w.service().Live}); err != nil {
		t.Fatal(err)
	}
	w.configure(func(c *platform.Config) { c.Autoscale = nil })
	late("it was turned off", 1)
	if n := len(w.OnDuty(w.svc.ID)); n != 1 {
		t.Errorf("%d serve", n)
	}
	if _, err := w.Rescale(t.Context(), "svc_none", 1, 2, ""); !errors.Is(err, platform.ErrNotFound) {
		t.Error(err)
	}
}

func TestAServiceCanBeScaledDownWhatOthersHaveTakenMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.mustPush("r1", platform.Live)
	w.configure(func(c *platform.Config) { c.Count = 5 })
	w.until("five serve", func() bool { return len(w.router.of(w.svc.ID)) == 5 })
	accounts, err := w.db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.SetQuota(t.Context(), accounts[0].ID, platform.Quota{Spherelets: 2}, nil); err != nil {
		t.Fatal(err)
	}
	if w.configure(func(c *platform.Config) { c.Count = 4 }) {
		t.Error("scaling down made a deployment")
	}
	w.until("four serve, still more than the account may have", func() bool { return len(w.router.of(w.svc.ID)) == 4 })
}

func TestDeploymentsSayTheirRegionAndOthersAreRefused(t *testing.T) {
	w := newWorld(t)
	w.Deployer.Config.Regions = platform.Regions{"local"}
	first := w.mustPush("r1", platform.Live)
	if first.Config.Region != "local" || w.service().Config.Region != "" {
		t.Errorf("deployed in %q, configured for %q", first.Config.Region, w.service().Config.Region)
	}
	_, _, err := w.Configure(t.Context(), w.svc.ID, platform.Trigger{}, func(c *platform.Config) error { c.Region = "eu"; return nil })
	if !errors.Is(err, platform.ErrInvalid) || !strings.Contains(err.Error(), "this server has local") {
		t.Error(err)
	}
	_, err = w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r2"), Change: func(c *platform.Config) error { c.Region = "eu"; return nil }})
	if !errors.Is(err, platform.ErrInvalid) || w.service().Config.Region != "" {
		t.Error(err, w.service().Config.Region)
	}
}

func TestAServiceOfARegionThatHasGoneIsNotDeployed(t *testing.T) {
	w := newWorld(t)
	w.Deployer.Config.Regions = platform.Regions{"local", "attic"}
	w.configure(func(c *platform.Config) { c.Region = "attic" })
	first := w.mustPush("r1", platform.Live)
	w.Close()
	w.boot()
	w.Deployer.Config.Regions = platform.Regions{"cellar"}
	if _, err := w.push("r2"); !errors.Is(err, platform.ErrInvalid) {
		t.Error(err)
	}
	w.configure(func(c *platform.Config) { c.Region = "" })
	back, err := w.Deploy(context.Background(), deploy.Request{Service: w.svc.ID, From: first.ID, Restore: true})
	if err != nil || back.Config.Region != "cellar" {
		t.Errorf("rolled back in %q: %v", back.Config.Region, err)
	}
}
