package buildpacks

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAProcfileKeepsItsTypesInOrder(t *testing.T) {
	p, err := ParseProcfile([]byte("\ufeff# processes\r\nweb: node server.js --url=http://x:1\r\n\nworker:bin/work\nrelease:   npx migrate  \n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Procfile{Types: []string{"web", "worker", "release"}, Commands: map[string]string{
		"web": "node server.js --url=http://x:1", "worker": "bin/work", "release": "npx migrate"}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}

func TestAMalformedProcfileNamesTheLine(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		line    int
	}{
		"no colon":        {"web: x\nworker", 2},
		"no command":      {"web:", 1},
		"no type":         {": x", 1},
		"spaces in type":  {"# c\n\nmy web: x", 3},
		"a type twice":    {"web: x\nweb: y", 2},
		"NUL in command":  {"web: a\x00b", 1},
		"a type too long": {string(make([]byte, 64)) + ": x", 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseProcfile([]byte(c.content))
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Line != c.line || syntax.File != "Procfile" {
				t.Errorf("got %v, want a SyntaxError in line %d", err, c.line)
			}
		})
	}
}

func FuzzParseProcfile(f *testing.F) {
	f.Add([]byte("web: node server.js\nrelease: x\n"))
	f.Add([]byte("\ufeffweb:x\r\n#\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := ParseProcfile(content)
		if err != nil {
			return
		}
		if len(p.Types) != len(p.Commands) {
			t.Fatalf("%d types, %d commands", len(p.Types), len(p.Commands))
		}
		again := ""
		for _, name := range p.Types {
			if !isProcessType(name) || p.Commands[name] == "" {
				t.Fatalf("accepted %q: %q", name, p.Commands[name])
			}
			again += name + ": " + p.Commands[name] + "\n"
		}
		q, err := ParseProcfile([]byte(again))
		if err != nil {
			t.Fatalf("written again it is refused: %v", err)
		}
		if diff := cmp.Diff(p.Commands, q.Commands); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAProcessTypeOtherThanWebIsStartedWithoutTheReleaseCommand(t *testing.T) {
	files := tree("package.json", `{"scripts":{"start":"node a.js"}}`, "Procfile", "web: node web.js\nworker: node work.js\nrelease: node migrate.js\n")
	p := mustDetect(t, files, Options{Process: "worker"})
	if p.Start != "node work.js" || p.Release != "" || len(p.Processes) != 3 {
		t.Errorf("got start %q, release %q, processes %v", p.Start, p.Release, p.Processes)
	}
	if p := mustDetect(t, files, Options{Process: "web"}); p.Start != "node web.js" || p.Release != "node migrate.js" {
		t.Errorf("got start %q, release %q", p.Start, p.Release)
	}
	for _, process := range []string{"clock", "release"} {
		_, err := Detect(files, Options{Process: process})
		var unknown *ProcessError
		if !errors.As(err, &unknown) || !slices.Equal(unknown.Types, []string{"web", "worker"}) {
			t.Errorf("%s: got %v", process, err)
		}
	}
}
