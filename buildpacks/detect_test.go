package buildpacks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// tree makes a source of files, as path, content, path, content…
func tree(files ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return fsys
}

const helloGo = "package main\n\nfunc main() {}\n"

func mustDetect(t *testing.T, fsys fstest.MapFS, o Options) Plan {
	t.Helper()
	p, err := Detect(fsys, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestADockerfileGoesBeforeAnyLanguage(t *testing.T) {
	p := mustDetect(t, tree("Dockerfile", "FROM scratch", "go.mod", "module x\n", "main.go", helloGo), Options{})
	if p.Language != "dockerfile" || p.Dockerfile != "Dockerfile" || p.BuildImage != "" || p.Steps != nil {
		t.Errorf("got %+v", p)
	}
}

func TestBuildCannotBeOverriddenForADockerfile(t *testing.T) {
	_, err := Detect(tree("Dockerfile", "FROM scratch"), Options{Build: "make"})
	var incomplete *IncompleteError
	if !errors.As(err, &incomplete) {
		t.Errorf("got %v", err)
	}
}

func TestRunGoesBeforeProcfileGoesBeforeDetection(t *testing.T) {
	files := tree("package.json", `{"scripts":{"start":"node a.js"}}`, "Procfile", "web: node b.js")
	if p := mustDetect(t, files, Options{}); p.Start != "node b.js" {
		t.Errorf("with a Procfile: %q", p.Start)
	}
	if p := mustDetect(t, files, Options{Run: "node c.js"}); p.Start != "node c.js" {
		t.Errorf("with --run: %q", p.Start)
	}
	delete(files, "Procfile")
	if p := mustDetect(t, files, Options{}); p.Start != "node a.js" {
		t.Errorf("detected: %q", p.Start)
	}
}

func TestBuildReplacesTheBuildAndKeepsTheInstall(t *testing.T) {
	p := mustDetect(t, tree("go.mod", "module x\n\nrequire y.example/z v1.0.0\n", "go.sum", "", "main.go", helloGo), Options{Build: "make web"})
	if len(p.Steps) != 2 || p.Steps[0].Command != "go mod download" || p.Steps[1].Command != "make web" {
		t.Errorf("got %+v", p.Steps)
	}
}

func TestASourceOfNoLanguageRunsOnDebianWhenToldHow(t *testing.T) {
	p := mustDetect(t, tree("serve.sh", "#!/bin/sh"), Options{Build: "make", Run: "./serve.sh"})
	if p.Language != "shell" || p.RunImage != debianImage || p.Start != "./serve.sh" || p.Steps[0].Command != "make" {
		t.Errorf("got %+v", p)
	}
	_, err := Detect(tree("serve.sh", "#!/bin/sh"), Options{})
	var none *NotDetectedError
	if !errors.As(err, &none) {
		t.Errorf("got %v", err)
	}
}

func TestTheServiceNameChoosesAmongPrograms(t *testing.T) {
	files := tree("go.mod", "module x\n", "cmd/api/main.go", helloGo, "cmd/admin/main.go", helloGo)
	if p := mustDetect(t, files, Options{Service: "admin"}); p.Start != "/app/bin/admin" {
		t.Errorf("got %q", p.Start)
	}
	var ambiguous *AmbiguousError
	if _, err := Detect(files, Options{Service: "other"}); !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestAFixedPortIsNoticed(t *testing.T) {
	for start, want := range map[string]int{"next start -p 3000": 3000, "x --port=81": 81, "x --port 82": 82,
		"vite preview --port ${PORT:-8080}": 0, "mkdir -p 3000x": 0, "x -p 99999": 0, "env PORT=5000 node x": 5000, "node x": 0} {
		if got := fixedPort(start); got != want {
			t.Errorf("%q: got %d, want %d", start, got, want)
		}
	}
}

func TestTheProgramReplacesTheShellWhereTheCommandIsPlain(t *testing.T) {
	for command, want := range map[string]string{
		"node x.js":                   "node x.js",
		"cd apps/web && next start":   "cd apps/web && exec next start",
		"A=1 B=2 node x.js":           "exec env A=1 B=2 node x.js",
		"a && B=1 node x.js":          "a && exec env B=1 node x.js",
		"a && exec b":                 "a && exec b",
		"a || b":                      "a || b",
		"a; b":                        "a; b",
		`node -e "1 && 2"`:            `node -e "1 && 2"`,
		"A=1":                         "A=1",
		"":                            "",
		"make && cd x":                "make && cd x",
		"wait-for db & node x.js":     "wait-for db & node x.js",
		"node a.js && node --max=1 b": "node a.js && exec node --max=1 b",
	} {
		if got := lastReplacesShell(command); got != want {
			t.Errorf("%q: got %q, want %q", command, got, want)
		}
	}
}

// foreignHost finds addresses in plans; they name none, so that a mirror can stand in for any registry.
var foreignHost = regexp.MustCompile(`https?://[^0]`) // 0.0.0.0 is where servers listen

func TestPlansNameNoHosts(t *testing.T) {
	plans, err := filepath.Glob("testdata/plans/*.json")
	if err != nil || len(plans) == 0 {
		t.Fatal(plans, err)
	}
	for _, file := range plans {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if at := foreignHost.FindIndex(content); at != nil {
			t.Errorf("%s names a host: %s", file, content[at[0]:min(at[1]+40, len(content))])
		}
	}
}

func TestEveryPlanIsOneThatCanBeBuilt(t *testing.T) {
	apps, err := filepath.Glob("testdata/plans/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range apps {
		app := strings.TrimSuffix(filepath.Base(file), ".json")
		p, err := Detect(os.DirFS(filepath.Join(appsFolder, app)), Options{Service: app})
		if err != nil {
			t.Fatal(err)
		}
		if problem := unbuildable(p); problem != "" {
			t.Errorf("%s: %s", app, problem)
		}
	}
}

// unbuildable names what keeps the builder from using a plan, or "".
func unbuildable(p Plan) string {
	if len(p.Decisions) == 0 || p.Language == "" {
		return "nothing is explained"
	}
	if p.Dockerfile != "" {
		return ""
	}
	if z := p.Zerops; z != nil {
		if p.Site == nil && (p.Start == "" || p.RunImage == "") || p.User != runUser || len(z.DeployFiles) == 0 || z.RunImage.Name != p.RunImage {
			return "something that every plan of zerops.yml has is missing"
		}
		return ""
	}
	sourceSeen := false
	for _, s := range p.Steps {
		if s.Name == "" || s.Command == "" || sourceSeen && s.Inputs != nil {
			return fmt.Sprintf("step %+v is empty or sees less than the one before", s)
		}
		sourceSeen = s.Inputs == nil
		for _, dir := range s.Caches {
			if !strings.HasPrefix(dir, "/") {
				return "cache " + dir + " is not absolute"
			}
		}
	}
	for _, c := range p.Copy {
		if !strings.HasPrefix(c.From, "/") || !strings.HasPrefix(c.To, "/") {
			return fmt.Sprintf("copy %+v is not absolute", c)
		}
	}
	if p.Site != nil && p.Site.Check() != nil || p.Site == nil && (p.Start == "" || p.BuildImage == "" || p.RunImage == "") || len(p.Copy) == 0 || p.User != runUser || p.Env["PATH"] == "" || p.Env["HOME"] == "" {
		return "something that every plan has is missing"
	}
	return ""
}

func TestExplainGivesEveryDecisionItsReason(t *testing.T) {
	p := mustDetect(t, tree("go.mod", "module x\n\ngo 1.26\n", "main.go", helloGo), Options{})
	var b strings.Builder
	if err := p.Explain(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Go 1.26", "because go.mod go line says 1.26", "to change:", "go build -trimpath", "Start  /app/bin/x"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}
