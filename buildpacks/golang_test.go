package buildpacks

import (
	"errors"
	"slices"
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
