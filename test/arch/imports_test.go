// Package arch holds the rules about who may import whom, as tests.
package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "csph/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// room is the top-level folder of a package of ours, "" for everything else.
func room(path string) string {
	rest, ours := strings.CutPrefix(path, "csph/")
	if !ours {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

func TestPackagesImportOnlyWhatTheDesignAllows(t *testing.T) {
	leaves := []string{"platform", "logs", "host", "daemon"}
	allowed := map[string][]string{
		"platform":   {},
		"durable":    {}, // may be imported by all but platform, which a test of its own holds to the standard library
		"logs":       {},
		"host":       {"platform"},
		"daemon":     {"logs"},
		"handover":   {},
		"buildpacks": {"platform"},
		"transcript": {"platform", "logs"},
		"builder":    append([]string{"buildpacks"}, leaves...),
		"runtime":    leaves,
		"router":     {"platform"},
		"schedule":   {"platform"},
		"volumes":    {"platform"},
		"store":      {"platform"},
		"deploy":     {"platform", "buildpacks"},
		"gitd":       {"platform", "deploy"},
		"api":        {"platform", "deploy", "logs", "transcript"},
	}
	for _, p := range packages(t) {
		own := room(p.ImportPath)
		list, ruled := allowed[own]
		if !ruled || strings.HasSuffix(p.ImportPath, "test") { // what only tests import may join everything
			continue
		}
		if strings.HasSuffix(p.ImportPath, "/bench") {
			list = append(slices.Clip(list), "test")
		}
		for _, imported := range p.Imports {
			if r := room(imported); r != "" && r != own && r != "durable" && !slices.Contains(list, r) {
				t.Errorf("%s imports %s: %s may import %v only", p.ImportPath, imported, own, list)
			}
		}
	}
}

func TestWhatIsForTestsIsInNoProgram(t *testing.T) {
	for _, p := range packages(t) {
		if room(p.ImportPath) != "cmd" {
			continue
		}
		for _, dep := range p.Deps {
			if room(dep) == "test" || room(dep) != "" && strings.HasSuffix(dep, "test") {
				t.Errorf("%s links %s", p.ImportPath, dep)
			}
		}
	}
}

func TestPlatformImportsTheStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != "csph/platform" {
			continue
		}
		for _, imported := range p.Imports {
			if strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
				t.Errorf("platform imports %s", imported)
			}
		}
	}
}

func TestTheClientReachesTheServerByItsAPIAlone(t *testing.T) {
	allowed := []string{"csph/api/client", "csph/api/wire", "csph/platform", "csph/logs", "csph/transcript", "csph/durable", "csph/buildpacks", "csph/cmd/csph"}
	for _, p := range packages(t) {
		if p.ImportPath != "csph/cmd/csph" {
			continue
		}
		for _, dep := range p.Deps {
			ours := strings.HasPrefix(dep, "csph/")
			if ours && !slices.ContainsFunc(allowed, func(a string) bool { return dep == a || strings.HasPrefix(dep, a+"/") }) {
				t.Errorf("csph links %s", dep)
			}
		}
	}
}

// display draws builds on terminals. It is the one package of BuildKit that csph may link, with what itself links.
const display = "github.com/moby/buildkit/util/progress/progressui"

func TestTheClientDoesNotCarryTheServersDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", display).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	drawing := strings.Fields(string(out))
	for _, p := range packages(t) {
		if p.ImportPath != "csph/cmd/csph" {
			continue
		}
		for _, dep := range p.Deps {
			if slices.Contains(drawing, dep) {
				continue
			}
			for _, heavy := range []string{"github.com/containerd/containerd", "github.com/moby/buildkit", "modernc.org/sqlite", "github.com/gliderlabs/ssh"} {
				if strings.HasPrefix(dep, heavy) {
					t.Errorf("csph links %s", dep)
				}
			}
		}
	}
}
