package builder

import (
	"context"
	"slices"
	"testing"

	"github.com/moby/buildkit/client/llb"

	"csph/buildpacks"
)

// installed is a plan whose only step sees its manifests.
func installed() buildpacks.Plan {
	p := nodePlan()
	p.Steps, p.Files = p.Steps[:1], nil
	return p
}

func TestASourceThatNoStepNeedsGoesToTheImageAtOnce(t *testing.T) {
	node := base{name: "docker.io/library/node:22-bookworm-slim"}
	without := survey{absent: map[string]bool{"node_modules": true}}
	def, err := planDefinition(context.Background(), "svc_1", installed(), node, node, nil, without)
	must(t, err)
	golden(t, "installed.llb.json", readable(t, def.ToPB()))
}

func TestWhatStepsInstallAndTheSourceHasTooIsTakenFromBoth(t *testing.T) {
	copies := installed().Copy
	o := origin{late: true, steps: 1, built: llb.Scratch().Dir("/built"), installed: llb.Scratch().Dir("/installed"), source: llb.Scratch().Dir("/source")}
	for _, c := range []struct {
		what   string
		copy   buildpacks.Copy
		absent map[string]bool
		parts  []string
	}{
		{"the app", copies[1], nil, []string{"/installed /app", "/source /"}},
		{"node_modules that only steps make", copies[0], map[string]bool{"node_modules": true}, []string{"/installed /app/node_modules"}},
		{"node_modules that the source has, too", copies[0], nil, []string{"/built /app/node_modules"}},
		{"another image", buildpacks.Copy{Image: "x", From: "/bin"}, nil, []string{"/ /bin"}},
		{"what is outside of the source", buildpacks.Copy{From: "/root/.local"}, nil, []string{"/installed /root/.local"}},
	} {
		var parts []string
		for _, p := range o.from(c.copy, survey{absent: c.absent}) {
			dir, err := p.state.GetDir(t.Context())
			must(t, err)
			parts = append(parts, dir+" "+p.path)
		}
		if !slices.Equal(parts, c.parts) {
			t.Errorf("%s comes from %q, want %q", c.what, parts, c.parts)
		}
	}
	for path, want := range map[string]bool{"/": true, "/app": true, "/app/node_modules": true, "/application": false, "/usr": false} {
		if got := (survey{}).covers(path); got != want {
			t.Errorf("a survey that was not asked covers %s: %v", path, got)
		}
	}
}

func TestASurveyFindsWhatCopiesAskFor(t *testing.T) {
	dir := source(t, map[string]string{"package.json": "{}", "node_modules/own/a.js": "a", "vendor": "a file"})
	mounts, err := sourceMounts(dir, "")
	must(t, err)
	s, err := surveySource(t.Context(), mounts[sourceMount], nil, "node_modules", "vendor/bundle", ".venv")
	must(t, err)
	for path, want := range map[string]bool{"/app/node_modules": true, "/app/vendor/bundle": true, "/app/.venv": false} {
		if got := s.covers(path); got != want {
			t.Errorf("the source covers %s: %v, want %v", path, got, want)
		}
	}
}
