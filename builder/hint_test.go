package builder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// captured is what tools printed when they failed, in testdata/failures, and what the advice on it must say.
var captured = map[string]struct{ advice, line string }{
	"npm-no-lockfile":          {"package-lock.json is missing", "`npm ci` command can only install"},
	"npm-out-of-sync":          {"package-lock.json does not match", "`npm ci` can only install packages"},
	"npm-missing-script":       {"no such script", `Missing script: "build"`},
	"npm-engine":               {"another Node.js version", "EBADENGINE"},
	"npm-unreachable":          {"could not be reached", "ECONNREFUSED"},
	"npm-no-module":            {"not installed", "nothere"},
	"pnpm-no-lockfile":         {"pnpm-lock.yaml is missing", "ERR_PNPM_NO_LOCKFILE"},
	"pnpm-out-of-sync":         {"pnpm-lock.yaml does not match", "ERR_PNPM_OUTDATED_LOCKFILE"},
	"pnpm-missing-script":      {"no such script", "Missing script"},
	"yarn-out-of-sync":         {"yarn.lock does not match", "needs to be updated"},
	"yarn-missing-script":      {"no such script", `"build" not found`},
	"yarn-engine":              {"another Node.js version", "incompatible"},
	"berry-no-lockfile":        {"yarn.lock is missing", "YN0028"},
	"bun-out-of-sync":          {"bun.lock does not match", "lockfile is frozen"},
	"go-no-module":             {"in no module", "github.com/rs/xid"},
	"go-no-sum":                {"go mod tidy", "missing go.sum entry"},
	"go-version":               {"newer Go", "requires go >= 1.99"},
	"go-vendor":                {"go mod vendor", "inconsistent vendoring"},
	"go-unreachable":           {"could not be reached", "connection refused"},
	"go-compile":               {"csph logs --build", ""},
	"pip-missing-requirements": {"requirements file is missing", "nothere.txt"},
	"pip-unreachable":          {"no such package and version", "flask==3.0.0"},
	"python-no-module":         {"not installed", "nothere"},
	"poetry-out-of-sync":       {"poetry.lock does not match", "not consistent"},
	"poetry-python":            {"another Python version", "3.11.2"},
	"bundler-no-lockfile":      {"Gemfile.lock is missing", "Gemfile.lock"},
	"bundler-out-of-sync":      {"Gemfile.lock does not match", "deployment mode"},
	"bundler-ruby-version":     {"another Ruby", "9.9.9"},
	"bundler-unreachable":      {"could not be reached", "gems.example.com"},
	"composer-out-of-sync":     {"composer.lock does not match", "lock file"},
	"composer-platform":        {"another PHP version", "8.2.36"},
	"composer-unreachable":     {"could not be reached", "ample.com"},
	"maven-unreachable":        {"could not be reached", "Could not transfer artifact"},
	"gradle-unreachable":       {"could not be reached", "Name or service not known"},
	"gradle-no-task":           {"no such Gradle task", "nothere"},
	"cargo-out-of-sync":        {"Cargo.lock is missing or does not match", "--locked"},
	"cargo-version":            {"newer Rust", "rustc 1.99"},
	"cargo-unreachable":        {"could not be reached", "resolve host"},
	"mix-version":              {"another Elixir", "1.14.0"},
	"mix-unreachable":          {"could not be reached", "nxdomain"},
}

func TestWhatToolsPrintIsRecognisedAndAdvisedOn(t *testing.T) {
	files, err := filepath.Glob("testdata/failures/*.txt")
	must(t, err)
	if len(files) != len(captured) {
		t.Errorf("there are %d captured outputs and %d expectations", len(files), len(captured))
	}
	for name, want := range captured {
		text, err := os.ReadFile(filepath.Join("testdata", "failures", name+".txt"))
		must(t, err)
		advice, line := advise(strings.Split(string(text), "\n"))
		if !strings.Contains(advice, want.advice) || !strings.Contains(line, want.line) || (want.line == "") != (line == "") {
			t.Errorf("%s: advice is %q by %q, want %q by %q", name, advice, line, want.advice, want.line)
		}
	}
}

func TestSingleLinesOfFailuresAreRecognised(t *testing.T) {
	for output, want := range map[string]string{
		"➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.": "yarn install",
		"tls: failed to verify certificate: x509: certificate signed by unknown authority":                  "not trusted",
		"write /app/x: no space left on device":                                                             "disk is full",
		"npm error code E401":                                                                               "refused access",
		"fatal: could not read Username for 'https://git.example.com': terminal prompts disabled":           "GOPRIVATE",
		"/bin/sh: 1: pnpm: not found":                                                                       "missing in the build image",
		"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory":                 "max-old-space-size",
		"ERROR: Package 'a' requires a different Python: 3.11.2 not in '>=3.99'":                            "another Python version",
		"error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.":                "uv lock",
		"Error: Your Pipfile.lock (d84c7b) is out of date. Expected: (e6c1a2).":                             "pipenv lock",
		"Error: pg_config executable not found.":                                                            "psycopg2-binary",
		"error: release version 21 not supported":                                                           "another Java version",
		"error NETSDK1045: The current .NET SDK does not support targeting .NET 9.0.":                       "another .NET SDK",
		"error NU1004: The packages lock file is inconsistent with the project dependencies":                "packages.lock.json",
		"error NU1301: Unable to load the service index for source https://packages.example.com":            "could not be reached",
		"** (Mix) Can't continue due to errors on dependencies":                                             "mix deps.get",
		"sh: 1: ./gradlew: Permission denied":                                                               "not executable",
		"something else":                                                                                    "csph logs --build",
	} {
		if got, _ := advise([]string{output}); !strings.Contains(got, want) {
			t.Errorf("%q: advice is %q, want %q", output, got, want)
		}
	}
}

func TestAWarningOfATransientKindIsNotTakenForTheCause(t *testing.T) {
	got, _ := advise([]string{"npm warn EBADENGINE Unsupported engine {", "npm error Missing script: \"build\""})
	if !strings.Contains(got, "no such script") {
		t.Errorf("advice is %q", got)
	}
}

func TestACauseThatIsFollowedByPagesOfUsageIsShownAllTheSame(t *testing.T) {
	step := &stepProgress{}
	text, err := os.ReadFile("testdata/failures/npm-out-of-sync.txt")
	must(t, err)
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		step.keep(1, outputLine{i, line})
	}
	_, shown := advise(step.output())
	tail := showing(step.tail(), shown, "exit code 1")
	if len(tail) != tailLines || !strings.Contains(tail[0], "can only install packages when") || tail[1] != "…" {
		t.Errorf("the tail is %q", tail)
	}
	if again := showing(tail, shown, ""); len(again) != tailLines || again[2] != tail[2] {
		t.Errorf("what is shown already is shown again: %q", again)
	}
}
