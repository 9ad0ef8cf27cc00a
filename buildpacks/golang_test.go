package buildpacks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTheGoProgramThatServesIsChosenBeforeExamplesAndTools(t *testing.T) {
	for name, c := range map[string]struct {
		mains []string
		want  string
	}{
		"a server among the examples":   {[]string{"cmd/step-ca", "examples/federation/server", "scripts/migrate"}, "step-ca"},
		"a server of the tests":         {[]string{"cmd/shop", "pkg/testutils/echo/server"}, "shop"},
		"with a client":                 {[]string{"cmd/shop-cli", "cmd/shop-server", "cmd/copy-index"}, "shop-server"},
		"a daemon":                      {[]string{"cmd/shopctl", "cmd/shopd", "docs"}, "shopd"},
		"an API and its migrations":     {[]string{"cmd/api", "cmd/migrate"}, "api"},
		"examples and nothing else":     {[]string{"examples/server"}, "server"},
		"web before the module's own d": {[]string{"cmd/web", "cmd/shopd"}, "web"},
	} {
		files := tree("go.mod", "module example.com/shop\n\ngo 1.26\n")
		for _, dir := range c.mains {
			files[dir+"/main.go"] = tree("x", helloGo)["x"]
		}
		if p := mustDetect(t, files, Options{}); p.Start != "/app/bin/"+c.want {
			t.Errorf("%s: starts %s, want %s", name, p.Start, c.want)
		}
	}
}

func TestExamplesAreNoCandidatesWhereGoProgramsAreAmbiguous(t *testing.T) {
	_, err := Detect(tree("go.mod", "module example.com/shop\n", "cmd/a/main.go", helloGo, "cmd/b/main.go", helloGo, "examples/c/main.go", helloGo), Options{})
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Candidates, []string{"./cmd/a", "./cmd/b"}) {
		t.Errorf("got %v", err)
	}
}

func TestPortsOfTestsAndOfOtherServicesAreNotThePlans(t *testing.T) {
	const serve = "package main\n\nimport \"net/http\"\n\nfunc main() { http.ListenAndServe(\":9090\", nil) }\n"
	p := mustDetect(t, tree("go.mod", "module example.com/shop\n", "cmd/shop/main.go", serve,
		"cmd/shop/main_test.go", "package main\n\nvar address = \":1234\"\n",
		"trace/trace.go", "package trace\n\nvar address = \"localhost:4317\"\n",
		"client/client.go", "package client\n\nvar address = \"localhost:7070\"\n"), Options{})
	if p.Port != 9090 || len(p.Warnings) > 0 {
		t.Errorf("port %d, warned %q", p.Port, p.Warnings)
	}
	p = mustDetect(t, tree("go.mod", "module example.com/shop\n", "main.go", helloGo, "client/client.go", "package client\n\nvar address = \"localhost:7070\"\n"), Options{})
	if p.Port != 0 || len(p.Warnings) > 0 {
		t.Errorf("with a client alone: port %d, warned %q", p.Port, p.Warnings)
	}
}

// TestWhatAGoProgramEmbedsIsBuiltWhereTheSourceLacksIt, by the nearest package.json with a build script, and not where it
// is there already.
func TestWhatAGoProgramEmbedsIsBuiltWhereTheSourceLacksIt(t *testing.T) {
	const program = "package main\n\nimport \"embed\"\n\n//go:embed all:%s\nvar built embed.FS\n\nfunc main() {}\n"
	const pkg = `{"scripts":{"build":"vite build"},"devDependencies":{"vite":"^6"}}`
	for name, c := range map[string]struct {
		files []string
		want  string // what the step that builds begins with, "" for none
	}{
		"a folder below the package":  {[]string{"main.go", fmt.Sprintf(program, "web/dist"), "web/package.json", pkg}, "cd web\n"},
		"a package of its own":        {[]string{"main.go", "package main\nfunc main() {}\n", "ui/embed.go", strings.Replace(fmt.Sprintf(program, "dist/*"), "package main", "package ui", 1), "ui/package.json", pkg}, "cd ui\n"},
		"beside go.mod":               {[]string{"main.go", fmt.Sprintf(program, "dist"), "package.json", pkg}, "export NODE_ENV"},
		"only a place holder":         {[]string{"main.go", fmt.Sprintf(program, "web/dist"), "web/dist/.gitkeep", "", "web/package.json", pkg}, "cd web\n"},
		"what is there":               {[]string{"main.go", fmt.Sprintf(program, "web/dist"), "web/dist/index.html", "", "web/package.json", pkg}, ""},
		"no script that builds":       {[]string{"main.go", fmt.Sprintf(program, "web/dist"), "web/package.json", `{"devDependencies":{"vite":"^6"}}`}, ""},
		"no package":                  {[]string{"main.go", fmt.Sprintf(program, "web/dist")}, ""},
		"files, which are no folders": {[]string{"main.go", fmt.Sprintf(program, "schema.sql"), "package.json", pkg}, ""},
	} {
		p := mustDetect(t, tree(append(c.files, "go.mod", "module example.com/x\n\ngo 1.24\n")...), Options{})
		got := ""
		for _, step := range p.Steps {
			if step.Name == "build assets" {
				got = step.Command
			}
		}
		if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
