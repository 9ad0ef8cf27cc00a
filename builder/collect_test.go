package builder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"csph/platform"
)

// deployed is what refers to images, and what was collected.
type deployed struct {
	mu        sync.Mutex
	refs      References
	collected []string
}

func (d *deployed) references(context.Context) (References, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refs, nil
}

func (d *deployed) note(service, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.collected = append(d.collected, service+": "+what)
}

// imageNames are the images of deployments in the engine's store.
func (l *lab) imageNames(ctx context.Context) []string {
	l.t.Helper()
	all, err := l.engine.ImageService().List(l.inNamespace(ctx))
	must(l.t, err)
	var names []string
	for _, image := range all {
		if strings.HasPrefix(image.Name, imagePrefix) {
			names = append(names, strings.TrimPrefix(image.Name, imagePrefix))
		}
	}
	slices.Sort(names)
	return names
}

func TestACollectionLeavesWhatIsLiveRestorableOrUnderWayAndNothingElse(t *testing.T) {
	d := &deployed{refs: References{Services: map[string]bool{}, Deployments: map[string]bool{}, Images: map[string]bool{}}}
	for _, service := range []string{"svc_a", "svc_b"} {
		d.refs.Services[service] = true
	}
	l := ownLab(t, Config{IdleRestart: time.Hour, References: d.references, Collected: d.note})
	ctx := l.timeout(5 * time.Minute)
	build := func(service, deployment string) platform.Image {
		plan := shellPlan("head -c 3000000 /dev/urandom > /cache/file; cp file /app/kept; echo " + deployment)
		plan.Steps[0].Caches = []string{"/cache"}
		image, err := l.Build(ctx, Request{Deployment: deployment, Service: service, Dir: source(t, map[string]string{"file": deployment}), Plan: plan})
		must(t, err)
		return image
	}
	live := build("svc_a", "dep_live")
	build("svc_a", "dep_old")
	restorable := build("svc_b", "dep_restorable")
	build("svc_b", "dep_building")
	build("svc_gone", "dep_gone")
	build("floor-x", "dep_floor") // of whoever builds without records
	d.refs.Images[live.Ref], d.refs.Images[restorable.Ref], d.refs.Deployments["dep_building"] = true, true, true

	before, err := l.Usage(ctx)
	must(t, err)
	if before.Images["svc_a"].Count != 2 || before.Caches["svc_gone"] < 3000000 || before.Bases.Count != 2 || before.Bases.Bytes < 50<<20 ||
		before.Images["svc_a"].Bytes > 20<<20 || before.Free <= 0 {
		t.Errorf("usage is %+v", before)
	}
	must(t, l.Collect(ctx))
	want := []string{"floor-x:dep_floor", "svc_a:dep_live", "svc_b:dep_building", "svc_b:dep_restorable"}
	if got := l.imageNames(ctx); !slices.Equal(got, want) {
		t.Errorf("the images left are %q, want %q", got, want)
	}
	after, err := l.Usage(ctx)
	must(t, err)
	if after.Caches["svc_gone"] != 0 || after.Caches["svc_a"] != before.Caches["svc_a"] || after.Caches["svc_b"] == 0 {
		t.Errorf("caches went from %v to %v", before.Caches, after.Caches)
	}
	slices.Sort(d.collected)
	if len(d.collected) != 3 || !strings.HasPrefix(d.collected[0], "svc_a: removed images that no deployment can use any more: 1") || !strings.HasPrefix(d.collected[2], "svc_gone: removed the build caches") {
		t.Errorf("it was told %q", d.collected)
	}

	t.Run("a live image survives when the disk is full", func(t *testing.T) {
		l.relieve(ctx, after.Free+1<<50)
		if got := l.listing(ctx, live, "/app"); !strings.Contains(got, "kept") {
			t.Errorf("the live image holds only\n%s", got)
		}
		now, err := l.Usage(ctx)
		must(t, err)
		if now.Records > 1<<20 || now.Caches["svc_a"] != 0 {
			t.Errorf("with a full disk %d bytes of build cache stay, and cache folders %v", now.Records, now.Caches)
		}
		if last := d.collected[len(d.collected)-1]; !strings.HasPrefix(last, ": dropped ") {
			t.Errorf("it was told %q", last)
		}
		if err := l.buildShell(ctx, "dep_next", "true"); err != nil {
			t.Errorf("the next build: %v", err)
		}
	})
}

func TestOnlyDeploymentsImagesAreCollected(t *testing.T) {
	for name, want := range map[string]string{
		"csph.local/svc_a:dep_1": "svc_a dep_1 true", "csph.local/pulled:dep_1": "pulled dep_1 true",
		"csph.local/floor-go:dep_1": "floor-go dep_1 false", "docker.io/library/svc_a:dep_1": "  false", "csph.local/svc_a": "svc_a  false",
	} {
		service, deployment, ours := parseImageName(name)
		if got := fmt.Sprint(service, " ", deployment, " ", ours); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
