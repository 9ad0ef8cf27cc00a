package builder

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"csph/buildpacks"
	"csph/platform"
)

// inPlacePlan installs in the run image, and builds nothing.
func inPlacePlan() buildpacks.Plan {
	p := nodePlan()
	p.RunSteps, p.Steps, p.Files, p.Copy = p.Steps[:1], nil, nil, p.Copy[1:]
	return p
}

func TestWhatIsInstalledInTheRunImageIsNotCopied(t *testing.T) {
	node := base{name: "docker.io/library/node:22-bookworm-slim", env: []string{"NODE_VERSION=22.1.0"}}
	def, err := planDefinition(context.Background(), "svc_1", inPlacePlan(), node, node, map[string]string{"GREETING": "hello"}, survey{})
	must(t, err)
	golden(t, "in-place.llb.json", readable(t, def.ToPB()))
}

func TestOfWhatIsInstalledInTheRunImageTheAppStaysAndIsTheSameEveryTime(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(3 * time.Minute)
	dir := source(t, map[string]string{"package.json": "{}", "index.js": "hello"})
	plan := shellPlan()
	plan.BuildEnv, plan.User = map[string]string{"GREETING": "hello"}, "1000"
	plan.Copy[0].Exclude = []string{"node_modules"}
	plan.RunSteps = []buildpacks.Step{{
		Name: "install", Inputs: []string{"package.json"}, Caches: []string{"/root/.npm"},
		Command: `test ! -e index.js; mkdir -p node_modules/m; echo "$GREETING" > node_modules/m/index; ln -s m/index node_modules/link
date +%N > /root/when; date +%N > /tmp/when; date +%N > /root/.npm/when`,
	}}
	build := func(deployment string) platform.Image {
		image, err := l.Build(ctx, Request{Deployment: deployment, Service: "svc_inplace", Dir: dir, Plan: plan, NoCache: true})
		if err != nil {
			t.Fatalf("%v\n%s", err, l.logText(deployment))
		}
		return image
	}
	first := build("dep_inplace1")
	past := time.Now().Add(-time.Hour) // as in another checkout: the manifest does not become newer by that
	must(t, os.Chtimes(dir+"/package.json", past, past))
	if again := build("dep_inplace2"); again.Digest != first.Digest {
		t.Errorf("the same source makes %s and %s", first.Digest, again.Digest)
	}
	want := "index.js 1000\nnode_modules/link 1000\nnode_modules/m/index 1000\npackage.json 1000\n"
	if got := l.listing(ctx, first, "/app"); got != want {
		t.Errorf("the app is\n%s, not\n%s", got, want)
	}
	if got := l.content(ctx, first, "/app/node_modules/m/index"); strings.TrimSpace(got) != "hello" {
		t.Errorf("the step saw %q", got)
	}
	if left := l.listing(ctx, first, "/tmp") + l.listing(ctx, first, "/root"); strings.Contains(left, "when") || strings.Contains(left, ".npm") {
		t.Errorf("what the app has no use for stays:\n%s", left)
	}
}
