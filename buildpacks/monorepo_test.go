package buildpacks

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestAFolderIsASourceOfItsOwn(t *testing.T) {
	files := tree("api/go.mod", "module x\n", "api/main.go", helloGo, "api/Procfile", "web: bin/x -v", "web/package.json", `{"scripts":{"start":"node a.js"}}`, "Procfile", "web: nothing")
	p := mustDetect(t, files, Options{Dir: "api"})
	if p.Language != "go" || p.Dir != "api" || p.Start != "bin/x -v" {
		t.Errorf("got %s of %q, start %q", p.Language, p.Dir, p.Start)
	}
	if p := mustDetect(t, files, Options{Dir: "./web/"}); p.Language != "node" || p.Dir != "web" {
		t.Errorf("got %s of %q", p.Language, p.Dir)
	}
}

func TestAMemberOfAWorkspaceIsBuiltFromItsRoot(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		dir   string
		step  string // part of the last step
	}{
		"npm": {[]string{"package.json", `{"workspaces":["apps/*"]}`, "apps/a/package.json", `{"scripts":{"build":"tsc","start":"node a"}}`, "apps/b/package.json", `{"scripts":{"start":"node b"}}`},
			"apps/a", "cd apps/a && npm run build"},
		"turbo": {[]string{"package.json", `{"workspaces":["apps/*"],"devDependencies":{"turbo":"2"}}`, "turbo.json", "{}", "package-lock.json", "{}",
			"apps/a/package.json", `{"name":"@x/a","scripts":{"build":"tsc","start":"node a"}}`}, "apps/a", "turbo run build --filter=@x/a"},
		"go.work":    {[]string{"go.work", "go 1.26\nuse ./a\nuse ./b\n", "a/go.mod", "module x/a\n", "a/main.go", helloGo, "b/go.mod", "module x/b\n", "b/main.go", helloGo}, "b", "-o bin/b ./b"},
		"one module": {[]string{"go.mod", "module x\n", "cmd/a/main.go", helloGo, "cmd/b/main.go", helloGo}, "cmd/b", "-o bin/b ./cmd/b"},
		"cargo": {[]string{"Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]\n", "a/Cargo.toml", "[package]\nname = \"a\"\n", "a/src/main.rs", "", "b/Cargo.toml", "[package]\nname = \"b\"\n", "b/src/main.rs", ""},
			"b", "--package b --bin b"},
		"maven": {[]string{"pom.xml", "<project><packaging>pom</packaging><modules><module>a</module></modules></project>", "a/pom.xml", "<project/>", "a/src/main/java/A.java", "class A { public static void main(String[] x) {} }"},
			"a", "-pl a -am package"},
		"gradle": {[]string{"settings.gradle", "include 'a', 'b'", "a/build.gradle", "plugins { id 'application' }", "b/build.gradle", "plugins { id 'application' }"}, "b", "b:installDist"},
		"dotnet": {[]string{"x.sln", "", "a/A.csproj", `<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><TargetFramework>net9.0</TargetFramework></PropertyGroup></Project>`,
			"b/B.csproj", `<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><TargetFramework>net9.0</TargetFramework></PropertyGroup></Project>`}, "b", "publish b/B.csproj"},
		"nx": {[]string{"nx.json", "{}", "package.json", `{}`, "apps/a/project.json", `{"projectType":"application"}`, "apps/b/project.json", `{"projectType":"application","name":"bb"}`}, "apps/b", "nx build bb"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustDetect(t, tree(c.files...), Options{Dir: c.dir})
			steps := ""
			for _, s := range p.Steps {
				steps += s.Command + "\n"
			}
			if p.Dir != "" || !strings.Contains(steps, c.step) {
				t.Errorf("dir %q, steps:\n%s", p.Dir, steps)
			}
		})
	}
}

func TestAMembersProcfileRunsInTheMembersFolder(t *testing.T) {
	files := tree("package.json", `{"workspaces":["apps/*"]}`, "Procfile", "web: node root.js", "apps/a/package.json", `{"scripts":{"start":"node a"}}`, "apps/a/Procfile", "web: node b.js\nworker: node c.js")
	p := mustDetect(t, files, Options{Dir: "apps/a"})
	if p.Start != "cd apps/a && exec node b.js" || p.Processes["worker"] != "cd apps/a && exec node c.js" {
		t.Errorf("got start %q, processes %q", p.Start, p.Processes)
	}
}

func TestADirThatIsNoFolderIsRefused(t *testing.T) {
	for _, dir := range []string{"nothing", "../x", "/etc", "file", "a\x00b", "a//b/../../.."} {
		_, err := Detect(tree("api/go.mod", "module x\n", "file", ""), Options{Dir: dir})
		var folder *FolderError
		if !errors.As(err, &folder) || !slices.Equal(folder.Folders, []string{"api"}) {
			t.Errorf("%q: got %v", dir, err)
		}
	}
}

func TestSeveralFoldersAreToldWithTheCommandForEach(t *testing.T) {
	files := os.DirFS("../test/apps/monorepo-several")
	_, err := Detect(files, Options{})
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Candidates, []string{"backend (Go)", "frontend (Node.js)"}) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"csph deploy --dir backend", "csph deploy --dir frontend", "for pushes: csph services configure SERVICE --dir backend"} {
		if !slices.Contains(ambiguous.Choose, want) {
			t.Errorf("no %q in %q", want, ambiguous.Choose)
		}
	}
	p, err := Detect(files, Options{Service: "frontend"})
	if err != nil || p.Dir != "frontend" {
		t.Errorf("named like the service: %q, %v", p.Dir, err)
	}
}

func TestTheOnlyFolderThatCanBeDeployedIs(t *testing.T) {
	p := mustDetect(t, tree("server/Web.csproj", `<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><TargetFramework>net9.0</TargetFramework></PropertyGroup></Project>`,
		"server/node_modules/x/package.json", "{}", "examples/a/go.mod", "module x", "docs/index.html", ""), Options{})
	if p.Language != "dotnet" || p.Dir != "server" {
		t.Errorf("got %s of %q", p.Language, p.Dir)
	}
	_, err := Detect(tree("only/deep/README", ""), Options{})
	var none *NotDetectedError
	if !errors.As(err, &none) {
		t.Errorf("got %v", err)
	}
}
