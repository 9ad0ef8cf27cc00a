package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"csph/buildpacks/zerops"
	"csph/platform"
)

func TestOneProblemIsCountedAsOne(t *testing.T) {
	v := validated{File: "zerops.yml", Problems: []zerops.Problem{{}}}
	if err := v.verdict(); err.Error() != "zerops.yml has 1 problem" {
		t.Error(err)
	}
	v.Problems = append(v.Problems, v.Problems...)
	if err := v.verdict(); err.Error() != "zerops.yml has 2 problems" {
		t.Error(err)
	}
}

func TestAZeropsFileIsValidatedWithAllItsProblemsAndWarnings(t *testing.T) {
	for app, want := range map[string]struct {
		valid             bool
		problems, warning int
	}{
		"zerops-node": {true, 0, 0}, "zerops-setups": {true, 0, 0}, "zerops-tilde": {true, 0, 1},
		"zerops-invalid": {false, 5, 0}, "zerops-incomplete": {false, 2, 0},
	} {
		file, err := zeropsFile(filepath.Join("../../test/apps", app))
		if err != nil {
			t.Fatal(err)
		}
		v, err := validate(file)
		if err != nil {
			t.Fatal(err)
		}
		if v.Valid != want.valid || len(v.Problems) != want.problems || len(v.Warnings) != want.warning || (v.verdict() == nil) != want.valid {
			t.Errorf("%s: %+v (%v), want %+v", app, v, v.verdict(), want)
		}
		for _, p := range v.Problems {
			if p.File != file || p.Line < 1 || p.Column < 1 || strings.TrimSpace(p.Text) == "" {
				t.Errorf("%s: a problem without a place: %+v", app, p)
			}
		}
	}
	if _, err := zeropsFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no zerops.yml") {
		t.Errorf("an empty folder: %v", err)
	}
	named := filepath.Join(t.TempDir(), "other.yml")
	if err := os.WriteFile(named, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if file, err := zeropsFile(named); err != nil || file != named {
		t.Errorf("a file by its name: %s, %v", file, err)
	}
}

func TestSetHealthWantsOneQuestion(t *testing.T) {
	path := platform.Check{Path: "/up"}
	for name, c := range map[string]struct {
		f  healthFlags
		ok bool
	}{
		"nothing":              {healthFlags{}, false},
		"path":                 {healthFlags{check: path}, true},
		"path and exec":        {healthFlags{check: platform.Check{Path: "/up", Exec: "true"}}, false},
		"path and default":     {healthFlags{check: path, reset: true}, false},
		"times without --live": {healthFlags{check: path, health: platform.Health{Period: 1}}, false},
		"times with --live":    {healthFlags{check: path, live: true, health: platform.Health{Period: 1}}, true},
		"default":              {healthFlags{reset: true}, true},
		"no live":              {healthFlags{off: true}, true},
	} {
		change, err := c.f.change()
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if c.f.live && err == nil && (change.Health == nil || change.Health.Path != "/up" || change.Health.Period != 1) {
			t.Errorf("%s: %+v", name, change.Health)
		}
		if c.f.off && change.Ready != nil {
			t.Errorf("%s changes the check of new versions: %+v", name, change.Ready)
		}
	}
}
