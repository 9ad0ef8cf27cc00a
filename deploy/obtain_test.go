package deploy_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"csph/deploy"
	"csph/platform"
	"csph/store"
)

func TestABuildThatWaitsForItsTurnIsQueuedAndSaysSoAndCanBeCancelled(t *testing.T) {
	w := newWorld(t)
	w.builder.busy = make(chan struct{})
	d, err := w.Start(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r1"), Trigger: platform.Trigger{Kind: platform.TriggerDeploy}})
	if err != nil {
		t.Fatal(err)
	}
	w.until("the deployment says what it waits for", func() bool {
		events, err := w.db.Events(t.Context(), store.Filter{Deployment: d.ID}, 0)
		return err == nil && slices.ContainsFunc(events, func(e platform.Event) bool {
			return e.Kind == platform.EventBuildQueued && e.Message == "queued behind 1 build"
		})
	})
	if now, err := w.db.Deployment(t.Context(), d.ID); err != nil || now.Status != platform.Queued {
		t.Errorf("it is %s (%v)", now.Status, err)
	}
	began := time.Now()
	if err := w.Cancel(t.Context(), d.ID); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("cancelling took %v: %v", time.Since(began), err)
	}
	w.settled(platform.Canceled)
}

func TestTheBuildLogEndsOnceAfterTheReleaseCommand(t *testing.T) {
	w := newWorld(t)
	d, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: procfile("r1")})
	if err != nil || d.Status != platform.Live || w.engine.onces != 1 {
		t.Fatalf("ended %s (%v), the release command ran %d times", d.Status, err, w.engine.onces)
	}
	w.builder.set(func(b *fakeBuilder) {
		if !slices.Equal(b.ended, []int{1, 0}) {
			t.Errorf("after each writer of the log had closed it, %v were left; want the release command's to close first", b.ended)
		}
	})
}

func TestAnUnchangedSourceIsRolledOutWithTheLiveImageAndSaysSo(t *testing.T) {
	w := newWorld(t)
	live := w.mustPush("r1", platform.Live)
	w.builder.set(func(b *fakeBuilder) { b.same = true })
	w.configure(func(c *platform.Config) { c.Secrets = map[string]int64{"KEY": 1} })
	d, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r2"), NoCache: true})
	if err != nil || d.Status != platform.Live || d.Image.Ref != live.Image.Ref {
		t.Fatalf("ended %s with image %+v (%v)", d.Status, d.Image, err)
	}
	w.builder.set(func(b *fakeBuilder) {
		order := b.orders[len(b.orders)-1]
		if order.Last.Ref != live.Image.Ref || !order.NoCache || order.Labels["org.opencontainers.image.revision"] != "r2" || order.Secrets["KEY"] == "" {
			t.Errorf("the builder was given %+v", order)
		}
		if first := b.orders[0]; first.Last.Ref != "" || first.NoCache {
			t.Errorf("for the first build the builder was given %+v", first)
		}
	})
	events, err := w.db.Events(t.Context(), store.Filter{Deployment: d.ID}, 0)
	if err != nil || !slices.ContainsFunc(events, func(e platform.Event) bool {
		return e.Kind == platform.EventBuild && e.Status == "FINISHED" && e.Message == "nothing to build: unchanged since the live version"
	}) {
		t.Errorf("the events are %+v (%v)", events, err)
	}
}

func TestAServiceOfTypeStaticTakesTheSiteOfASourceAndLeavesItsServerOut(t *testing.T) {
	w := newWorld(t)
	site, err := w.db.CreateService(t.Context(), w.svc.Account, "site", platform.Service{Type: platform.Static})
	if err != nil {
		t.Fatal(err)
	}
	both := folder(t.TempDir())
	for name, content := range map[string]string{"package.json": `{"scripts":{"start":"node server.js"}}`, "index.html": "home"} {
		if err := os.WriteFile(filepath.Join(string(both), name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		service string
		start   string
	}{{site.ID, ""}, {w.svc.ID, "node server.js"}} {
		d, err := w.Deploy(t.Context(), deploy.Request{Service: x.service, Source: both})
		if err != nil || d.Status != platform.Live {
			t.Fatalf("ended %s (%v)", d.Status, err)
		}
		w.builder.set(func(b *fakeBuilder) {
			if plan := b.orders[len(b.orders)-1].Plan; plan.Start != x.start || (plan.Site != nil) != (x.start == "") {
				t.Errorf("the builder is to start %q, site %+v; want %q", plan.Start, plan.Site, x.start)
			}
		})
	}
}
