package builder

import (
	"context"
	"testing"

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
	o := origin{late: true, steps: 1}
	for _, c := range []struct {
		what   string
		copy   buildpacks.Copy
		absent []string
		paths  []string
		parts  int
	}{
		{"the app", copies[1], nil, []string{workDir, "/"}, 2},
		{"node_modules that only steps make", copies[0], []string{"node_modules"}, []string{"/app/node_modules"}, 1},
		{"another image", buildpacks.Copy{Image: "x", From: "/bin"}, nil, []string{"/bin"}, 1},
		{"what is outside of the source", buildpacks.Copy{From: "/root/.local"}, nil, []string{"/root/.local"}, 1},
	} {
		s := survey{absent: map[string]bool{}}
		for _, path := range c.absent {
			s.absent[path] = true
		}
		parts := o.from(c.copy, s)
		for i, want := range c.paths {
			if len(parts) != c.parts || parts[i].path != want {
				t.Errorf("%s comes from %+v, want %q", c.what, parts, c.paths)
			}
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
