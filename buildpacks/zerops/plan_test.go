package zerops

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func planOf(t *testing.T, file string) *Plan {
	t.Helper()
	f, err := Parse("zerops.yml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(&f.Setups[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBasesStandForOfficialImages(t *testing.T) {
	for _, c := range []struct{ base, os, build, buildInstead, run, runInstead string }{
		{"nodejs@20", "alpine", "node:20-alpine", "node:20-bookworm-slim", "node:20-alpine", "node:20-bookworm-slim"},
		{"nodejs@20", "ubuntu", "node:20-bookworm", "node:20-bookworm-slim", "node:20-bookworm-slim", ""},
		{"nodejs@latest", "ubuntu", "node:24-bookworm", "node:24-bookworm-slim", "node:24-bookworm-slim", ""},
		{"go@1", "alpine", "golang:1.26-alpine", "golang:1.26-bookworm", "alpine:3.22", "debian:bookworm-slim"},
		{"golang@1.25", "ubuntu", "golang:1.25-bookworm", "", "debian:bookworm-slim", ""},
		{"python@3.12", "alpine", "python:3.12-alpine", "python:3.12-slim-bookworm", "python:3.12-alpine", "python:3.12-slim-bookworm"},
		{"php@8.3", "ubuntu", "php:8.3-cli-bookworm", "php:8.3-apache-bookworm", "php:8.3-cli-bookworm", ""},
		{"php-nginx@8.3", "ubuntu", "php:8.3-cli-bookworm", "php:8.3-apache-bookworm", "php:8.3-fpm-bookworm", ""},
		{"ubuntu@22.04", "ubuntu", "ubuntu:22.04", "debian:bookworm-slim", "ubuntu:22.04", "debian:bookworm-slim"},
		{"alpine@3.20", "alpine", "alpine:3.20", "debian:bookworm-slim", "alpine:3.20", "debian:bookworm-slim"},
		{"java@21", "alpine", "eclipse-temurin:21-jdk-alpine", "eclipse-temurin:21-jdk", "eclipse-temurin:21-jdk-alpine", "eclipse-temurin:21-jre"},
	} {
		p := planOf(t, "zerops:\n  - setup: a\n    build: {base: "+c.base+", os: "+c.os+", deployFiles: ./}\n    run: {os: "+c.os+", start: ./app}")
		got := []string{short(p.BuildImages[0].Name), short(p.BuildImages[0].Instead), short(p.RunImage.Name), short(p.RunImage.Instead)}
		if diff := cmp.Diff([]string{c.build, c.buildInstead, c.run, c.runInstead}, got); diff != "" {
			t.Errorf("%s on %s: %s", c.base, c.os, diff)
		}
	}
}

func TestAGoToolchainIsInTheRunImageOnlyWhereItIsCalled(t *testing.T) {
	p := planOf(t, "zerops:\n  - setup: a\n    run: {base: go@1.25, start: go run main.go}")
	if short(p.RunImage.Name) != "golang:1.25-alpine" {
		t.Errorf("runs in %s", p.RunImage.Name)
	}
}

func TestASetupWithoutWhatItNeedsIsRefused(t *testing.T) {
	f, err := Parse("zerops.yml", []byte("zerops:\n  - setup: a\n    build: {buildCommands: make}\n    run: {os: ubuntu}\n  - setup: base\n  - setup: c\n    extends: base\n    run: {base: static}"))
	if err != nil {
		t.Fatal(err)
	}
	err = f.Validate()
	for _, want := range []string{"zerops.yml:2:5: build.base: setup a: is missing", "build.deployFiles", "run.base"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "setup base") || strings.Contains(err.Error(), "setup c") {
		t.Errorf("a setup that others extend, or a static one, was refused: %v", err)
	}
}

func TestTildeStripsWhatIsBeforeIt(t *testing.T) {
	for written, want := range map[string]Selection{
		"dist":                {Match: "dist"},
		"./dist/":             {Match: "dist"},
		"./":                  {Match: "."},
		".":                   {Match: "."},
		"dist/~":              {Below: "dist", Match: "."},
		"./dist/~/":           {Below: "dist", Match: "."},
		"./src/assets/~fonts": {Below: "src/assets", Match: "fonts"},
		"path/~/to/file.txt":  {Below: "path", Match: "to/file.txt"},
		"packages/*/dist":     {Match: "packages/*/dist"},
		"packages/*/~/dist":   {Below: "packages/*", Match: "dist"},
		"~/dist":              {Match: "dist"},
		"/dist":               {Match: "dist"},
	} {
		want.As = written
		got, problem := selection(written)
		if problem != "" || got != want {
			t.Errorf("%s: %+v (%s), want %+v", written, got, problem, want)
		}
	}
	for written, want := range map[string]string{"..": "leads out", "a/../../b": "leads out", "a/~/../b": "leads out", "a[": "no pattern", "a/~/b~": "more than one"} {
		if _, problem := selection(written); !strings.Contains(problem, want) {
			t.Errorf("%s: %q, want %q", written, problem, want)
		}
	}
}

// The seed's gotcha: dist/~ with start: bun dist/index.js breaks.
func TestAStartThatNamesAStrippedFolderIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		deploy, start string
		warns         string
	}{
		{"dist/~", "bun dist/index.js", "Start it as index.js"},
		{"dist/~", "cd /var/www/dist/server && node app.js", "Start it as server"},
		{"dist/~", "node ./dist/a.js --port=80", "Start it as a.js"},
		{"dist/~", "bun index.js", ""},
		{"dist", "bun dist/index.js", ""},
		{"[dist/~, dist]", "bun dist/index.js", ""},
		{"[dist/~, ./]", "bun dist/index.js", ""},
		{"dist/~", "distribute dist-files", ""},
	} {
		p := planOf(t, "zerops:\n  - setup: a\n    build: {base: nodejs@22, deployFiles: "+c.deploy+"}\n    run: {start: '"+c.start+"'}")
		got := strings.Join(p.Warnings, "\n")
		if (got != "") != (c.warns != "") || !strings.Contains(got, c.warns) {
			t.Errorf("%s with %q: warned %q, want %q", c.deploy, c.start, got, c.warns)
		}
	}
}

func TestTheWebPortIsThatOfThePortsElseTheOneThatChecksAsk(t *testing.T) {
	const file = "zerops:\n  - setup: a\n%s    run: {base: php-apache@8.3%s}"
	const ready = "    deploy: {readinessCheck: {httpGet: {port: 80, path: /up}}}\n"
	for _, c := range []struct {
		deploy, run string
		want        int
	}{
		{"", "", 0}, {ready, "", 80}, {ready, ", ports: [{port: 3000}]", 3000}, {"", ", ports: [{port: 1, protocol: UDP}], healthCheck: {httpGet: {port: 81, path: /}}", 81},
		{"", ", healthCheck: {exec: {command: x}}", 0},
	} {
		if got := planOf(t, fmt.Sprintf(file, c.deploy, c.run)).WebPort(); got != c.want {
			t.Errorf("%s%s: %d, want %d", c.deploy, c.run, got, c.want)
		}
	}
}

func TestFilesAreDeployedWithoutABuild(t *testing.T) {
	p := planOf(t, "zerops:\n  - setup: a\n    build: {deployFiles: [public/~]}\n    run: {base: static}")
	if len(p.BuildImages) > 0 || len(p.DeployFiles) != 1 || p.DeployFiles[0].Below != "public" {
		t.Errorf("got %+v", p)
	}
}

func TestZeropsOwnToolIsWarnedOf(t *testing.T) {
	p := planOf(t, "zerops:\n  - setup: a\n    run: {base: nodejs@22, start: x, initCommands: ['zsc execOnce ${appVersionId} -- npm run migrate']}")
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "zsc, Zerops' own tool") {
		t.Errorf("warned %q", p.Warnings)
	}
}

func TestPrepareCommandsThatReadTheSourceAreWarnedOf(t *testing.T) {
	const file = "zerops:\n  - setup: a\n    build: {base: nodejs@22, deployFiles: ., prepareCommands: [apk add git, %]}\n    run: {start: x}"
	for command, want := range map[string]string{"pip install -r /build/source/requirements.txt": "prepareCommands[1]", "npm i -g pnpm": ""} {
		got := strings.Join(planOf(t, strings.Replace(file, "%", command, 1)).Warnings, "\n")
		if (got != "") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s: warned %q", command, got)
		}
	}
}

// The patterns are those of the build cache's guide.
func TestPathsOfTheCacheMayBeWrittenInSeveralWays(t *testing.T) {
	for written, want := range map[string][]string{
		"node_modules": {"node_modules"}, "./node_modules": {"node_modules"}, "node_modules/": {"node_modules"},
		`["subdir/*.txt", "package*"]`: {"subdir/*.txt", "package*"}, "false": nil,
	} {
		got := planOf(t, "zerops:\n  - setup: a\n    build: {base: nodejs@22, deployFiles: ., cache: "+written+"}\n    run: {start: x}").Cache
		if got.All || !slices.Equal(got.Paths, want) {
			t.Errorf("%s: %+v", written, got)
		}
	}
	for _, all := range []string{"true", "./", "."} {
		if !planOf(t, "zerops:\n  - setup: a\n    build: {base: nodejs@22, deployFiles: ., cache: "+all+"}\n    run: {start: x}").Cache.All {
			t.Errorf("cache: %s keeps not all", all)
		}
	}
}

func TestDeployignoreIsAsItsDocumentationSays(t *testing.T) {
	got := Ignore([]byte("# comment\n/src/file.txt\nsrc/other.txt\n*.map\n!keep.map\ndir/\n\n/../x\n**/deep\n\\#odd\n/\n!\n"))
	want := []string{"src/file.txt", "**/src/other.txt", "**/*.map", "!**/keep.map", "**/dir", "**/deep", "**/#odd"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzDeployignore(f *testing.F) {
	f.Add([]byte("*.log\n!/x/\n//y//\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range Ignore(b) {
			if p == "" || strings.HasPrefix(p, "/") {
				t.Errorf("pattern %q from %q", p, b)
			}
		}
	})
}

func TestStagesShareVariablesByPrefix(t *testing.T) {
	p := planOf(t, full)
	if p.BuildEnv["TOKEN"] != "secret" || p.Run.Env["FROM_BUILD"] != "5432!" || p.Run.Env["DB"] != "${db_password}" {
		t.Errorf("build has %v, run has %v", p.BuildEnv, p.Run.Env)
	}
}

func TestTheCacheKeyChangesWithWhatMakesTheCacheInvalid(t *testing.T) {
	const start = "zerops:\n  - setup: a\n    run: {start: x}\n    build: {deployFiles: ., "
	key := func(rest string) string { return planOf(t, start+rest+"}").CacheKey }
	before := key("base: nodejs@22, cache: node_modules, prepareCommands: [a]")
	for _, same := range []string{
		"base: nodejs@22, cache: [./node_modules/], prepareCommands: a",
		"base: nodejs@22, os: alpine, cache: node_modules, prepareCommands: [a], buildCommands: make, envVariables: {A: b}",
	} {
		if key(same) != before {
			t.Errorf("%s makes the cache invalid", same)
		}
	}
	for _, other := range []string{
		"base: nodejs@20, cache: node_modules, prepareCommands: [a]", "base: nodejs@22, os: ubuntu, cache: node_modules, prepareCommands: [a]",
		"base: nodejs@22, cache: true, prepareCommands: [a]", "base: nodejs@22, cache: node_modules, prepareCommands: [a, b]",
	} {
		if key(other) == before {
			t.Errorf("%s leaves the cache valid", other)
		}
	}
}
