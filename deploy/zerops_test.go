package deploy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"csph/buildpacks/zerops"
	"csph/platform"
)

func TestAPlainStartCommandNeedsNoInit(t *testing.T) {
	if l := launchOf(zerops.Run{Start: "npm start"}, "npm start"); l != nil {
		t.Errorf("got %+v", l)
	}
	for name, run := range map[string]zerops.Run{
		"init commands":   {Start: "a", InitCommands: []string{"i"}},
		"replacement":     {Start: "a", EnvReplace: &zerops.EnvReplace{}},
		"several":         {StartCommands: []zerops.Process{{Command: "a"}, {Command: "b"}}},
		"a folder":        {StartCommands: []zerops.Process{{Command: "a", WorkingDir: "/srv"}}},
		"init of its own": {StartCommands: []zerops.Process{{Command: "a", InitCommands: []string{"i"}}}},
	} {
		if launchOf(run, "a") == nil {
			t.Errorf("with %s there is no launch", name)
		}
	}
	static := launchOf(zerops.Run{InitCommands: []string{"i"}}, "nginx")
	if diff := cmp.Diff(&platform.Launch{Init: []string{"i"}, Processes: []platform.Process{{Command: "nginx"}}}, static); diff != "" {
		t.Errorf("a run image that starts by itself: %s", diff)
	}
}
