package builder

import (
	"context"
	"testing"
	"time"

	"csph/buildpacks"
)

// mixedPlan builds assets with Node.js beside Python, takes a program from a third image along, and installs system
// packages before anything of the source.
func mixedPlan() buildpacks.Plan {
	return buildpacks.Plan{
		Language: "python", Start: "gunicorn app:app", User: "1000",
		BuildImage: "docker.io/library/python:3.12-slim-bookworm", RunImage: "docker.io/library/python:3.12-slim-bookworm",
		Tools: []buildpacks.Copy{{Image: "docker.io/library/node:22-bookworm-slim", From: "/usr/local", To: "/opt/node", Exclude: []string{"share"}}},
		Steps: []buildpacks.Step{
			{Name: "install system packages", Command: "apt-get install libpq-dev", Inputs: []string{}},
			{Name: "install dependencies", Command: "pip install -r requirements.txt", Inputs: []string{"requirements.txt"}},
			{Name: "build assets", Command: "npm run build"},
		},
		Copy: []buildpacks.Copy{{Image: "docker.io/library/busybox:1", From: "/bin/busybox", To: "/usr/local/bin/busybox"},
			{From: "/opt/venv", To: "/opt/venv"}, {From: "/app", To: "/app"}},
	}
}

func TestToolsOfOtherImagesComeBeforeTheStepsAndStepsWithoutInputsBeforeTheSource(t *testing.T) {
	python := base{name: "docker.io/library/python:3.12-slim-bookworm"}
	def, err := planDefinition(context.Background(), "svc_1", mixedPlan(), python, python, nil, survey{})
	must(t, err)
	golden(t, "mixed.llb.json", readable(t, def.ToPB()))
}

func TestWhatIsInstalledOutsideOfTheSourceIsAsOldAsTheManifests(t *testing.T) {
	s := survey{newest: time.Unix(2e9, 0), manifests: time.Unix(1e9, 0)}
	copies := mixedPlan().Copy
	for i, want := range []time.Time{{}, s.manifests, s.newest} {
		if got := copyTime(copies, i, s); !got.Equal(want) {
			t.Errorf("%s: got %v, want %v", copies[i].From, got, want)
		}
	}
	if got := copyTime(copies, 1, survey{newest: s.newest}); !got.Equal(s.newest) {
		t.Errorf("without manifests: got %v, want %v", got, s.newest)
	}
}
