package zerops

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// full has every key there is.
const full = `zerops:
  - setup: api
    build:
      base: [nodejs@20, python@3.12]
      os: ubuntu
      prepareCommands:
        - npm i -g typescript
        - |
          A=1
          echo $A
      buildCommands: npm run build
      deployFiles:
        - ./dist/~
        - package.json
      cache: [./node_modules/, "sub/*.txt"]
      addToRunPrepare: requirements.txt
      envVariables:
        DB_PORT: 5432
        DEBUG: false
        TOKEN: ${RUNTIME_TOKEN}
    deploy:
      readinessCheck:
        httpGet: {port: 8080, path: /ready, host: app.example, scheme: https}
        failureTimeout: 60
        retryPeriod: 10
      temporaryShutdown: true
    run:
      base: nodejs@22
      os: alpine
      prepareCommands: [apk add curl]
      ports:
        - {port: 8080, httpSupport: true}
        - {port: 9090, protocol: udp}
      startCommands:
        - {command: node index.js, name: server, workingDir: /srv, initCommands: [echo hello]}
        - command: node worker.js
      initCommands: [node migrate.js]
      envVariables:
        TOKEN: secret
        FROM_BUILD: "${BUILD_DB_PORT}!"
        DB: ${db_password}
      envReplace: {delimiter: "%%", target: [config/, ./a.txt]}
      healthCheck:
        exec: {command: test -f /tmp/ok}
        failureTimeout: 60
        disconnectTimeout: 30
        recoveryTimeout: 20
        execPeriod: 10
      crontab:
        - {command: date, timing: "0 5 * * *", allContainers: true, workingDir: /tmp}
      routing:
        root: public
        cors: "'*' always"
        redirects: [{from: /a/*, to: /b/, status: 301, preservePath: true, preserveQuery: true}]
        headers: [{for: "/*", values: {X-Frame-Options: "'DENY'"}}]
      documentRoot: web
`

func TestEveryKeyIsRead(t *testing.T) {
	f, err := Parse("zerops.yml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	want := Setup{
		Name: "api",
		Build: &Build{
			Base: []string{"nodejs@20", "python@3.12"}, OS: "ubuntu",
			PrepareCommands: []string{"npm i -g typescript", "A=1\necho $A\n"}, BuildCommands: []string{"npm run build"},
			DeployFiles: []string{"./dist/~", "package.json"}, Cache: Cache{Paths: []string{"node_modules", "sub/*.txt"}},
			AddToRunPrepare: []string{"requirements.txt"},
			Env:             map[string]string{"DB_PORT": "5432", "DEBUG": "false", "TOKEN": "${RUNTIME_TOKEN}"},
		},
		Deploy: Deploy{TemporaryShutdown: true, ReadinessCheck: &ReadinessCheck{
			Probe:          Probe{HTTPGet: &HTTPGet{Port: 8080, Path: "/ready", Host: "app.example", Scheme: "https"}},
			FailureTimeout: time.Minute, RetryPeriod: 10 * time.Second,
		}},
		Run: Run{
			Base: "nodejs@22", OS: "alpine", PrepareCommands: []string{"apk add curl"},
			Ports: []Port{{Port: 8080, Protocol: "TCP", HTTPSupport: true}, {Port: 9090, Protocol: "UDP"}},
			StartCommands: []Process{
				{Command: "node index.js", Name: "server", WorkingDir: "/srv", InitCommands: []string{"echo hello"}}, {Command: "node worker.js"},
			},
			InitCommands: []string{"node migrate.js"},
			Env:          map[string]string{"TOKEN": "secret", "FROM_BUILD": "${BUILD_DB_PORT}!", "DB": "${db_password}"},
			EnvReplace:   &EnvReplace{Delimiter: []string{"%%"}, Target: []string{"config", "a.txt"}},
			HealthCheck: &HealthCheck{Probe: Probe{Exec: "test -f /tmp/ok"}, FailureTimeout: time.Minute,
				DisconnectTimeout: 30 * time.Second, RecoveryTimeout: 20 * time.Second, ExecPeriod: 10 * time.Second},
			Crontab: []Cron{{Command: "date", Timing: "0 5 * * *", AllContainers: true, WorkingDir: "/tmp"}},
			Routing: &Routing{Root: "public", CORS: "'*' always",
				Redirects: []Redirect{{From: "/a/*", To: "/b/", Status: 301, PreservePath: true, PreserveQuery: true}},
				Headers:   []Header{{For: "/*", Values: map[string]string{"X-Frame-Options": "'DENY'"}}}},
			DocumentRoot: "web",
		},
	}
	if diff := cmp.Diff([]Setup{want}, f.Setups, cmpopts.IgnoreUnexported(Setup{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	const run = "\n    run: {base: nodejs@22, start: x}"
	for name, c := range map[string]struct{ file, want string }{
		"unknown top key":       {"zerop: []", "zerops.yml:1:1: zerop: unknown key; did you mean zerops?"},
		"unknown key":           {"zerops:\n  - setup: a\n    run:\n      strat: x", "zerops.yml:4:7: zerops[0].run.strat: unknown key; did you mean start?"},
		"unknown nested key":    {"zerops:\n  - setup: a\n    run:\n      ports:\n        - port: 1\n          htpSupport: true", "zerops.yml:6:11: zerops[0].run.ports[0].htpSupport: unknown key; did you mean httpSupport?"},
		"nothing near":          {"zerops:\n  - setup: a\n    deploy:\n      colour: red", "zerops.yml:4:7: zerops[0].deploy.colour: unknown key; known are readinessCheck, temporaryShutdown"},
		"setup missing":         {"zerops:\n  - run: {}", "setup is missing"},
		"list for a text":       {"zerops:\n  - setup: [a]", "zerops.yml:2:12: zerops[0].setup: must be a text, but is a list"},
		"number for a text":     {"zerops:\n  - setup: a\n    build:\n      base: 20", "zerops.yml:4:13: zerops[0].build.base: must be a text or a list, but is a number"},
		"text for a boolean":    {"zerops:\n  - setup: a\n    deploy:\n      temporaryShutdown: \"true\"", "zerops.yml:4:26: zerops[0].deploy.temporaryShutdown: must be true or false, but is a text"},
		"text for a section":    {"zerops:\n  - setup: a\n    run: npm start", "zerops.yml:3:10: zerops[0].run: must be a section of keys, but is a text"},
		"unknown base":          {"zerops:\n  - setup: a\n    build:\n      base: nodesj@20", "zerops.yml:4:13: zerops[0].build.base: there is no base \"nodesj\"; did you mean nodejs?"},
		"run base for a build":  {"zerops:\n  - setup: a\n    build:\n      base: static", "is for run.base, nothing can be built in it"},
		"a key of Zerops":       {"zerops:\n  - setup: a\n    run:\n      mount: [files]", "zerops.yml:4:7: zerops[0].run.mount: Zerops has this key, csph has not; remove it"},
		"a web server's file":   {"zerops:\n  - setup: a\n    run:\n      siteConfigPath: x", "rules for php-apache@ go into a .htaccess file"},
		"an old name":           {"zerops:\n  - setup: a\n    run:\n      init: [x]", "its name is initCommands"},
		"scaling":               {"zerops:\n  - setup: a\n    run:\n      verticalAutoscaling: {minRam: 1}", "csph has not; remove it; the size of a spherelet"},
		"unknown os":            {"zerops:\n  - setup: a\n    build:\n      os: alpin", "zerops.yml:4:11: zerops[0].build.os: \"alpin\" is not allowed here; did you mean alpine?"},
		"port out of range":     {"zerops:\n  - setup: a\n    run:\n      ports: [{port: 70000}]", "70000 is not a whole number from 1 to 65535"},
		"two kinds of probe":    {"zerops:\n  - setup: a\n    deploy:\n      readinessCheck: {httpGet: {port: 1, path: /}, exec: {command: x}}", "needs exactly one of httpGet and exec"},
		"no probe":              {"zerops:\n  - setup: a\n    run:\n      healthCheck: {execPeriod: 5}", "needs exactly one of httpGet and exec"},
		"start and several":     {"zerops:\n  - setup: a\n    run:\n      start: x\n      startCommands: [{command: y}]", "start and startCommands are both there"},
		"path leads out":        {"zerops:\n  - setup: a\n    build:\n      deployFiles: ../x", "zerops.yml:4:20: zerops[0].build.deployFiles: ../x leads out of the source"},
		"two tildes":            {"zerops:\n  - setup: a\n    build:\n      deployFiles: a/~/b/~", "holds more than one ~"},
		"bad variable":          {"zerops:\n  - setup: a\n    run:\n      envVariables: {A-B: x}", "this is no name for a variable"},
		"variable of a list":    {"zerops:\n  - setup: a\n    run:\n      envVariables: {A: [x]}", "must be a text or a number or true or false, but is a list"},
		"bad timing":            {"zerops:\n  - setup: a\n    run:\n      crontab: [{command: x, timing: daily}]", "is no schedule of five fields"},
		"twice":                 {"zerops:\n  - setup: a" + run + "\n  - setup: a" + run, "the setup a is there twice"},
		"extends nothing":       {"zerops:\n  - setup: prod\n    extends: bse\n  - setup: base" + run, "zerops.yml:3:14: extends: there is no setup bse in this file; did you mean base?"},
		"circle":                {"zerops:\n  - setup: a\n    extends: b\n  - setup: b\n    extends: a", "goes round in a circle"},
		"syntax":                {"zerops:\n  - setup: [a", "zerops.yml:2:12:"},
		"empty":                 {"", "must be a section of keys, but is nothing"},
		"no setups":             {"zerops: []", "there is no setup in the list"},
		"two documents":         {"zerops: []\n---\nzerops: []", "several YAML documents"},
		"unknown alias":         {"zerops:\n  - setup: *x", "the alias *x stands for nothing"},
		"URL without status":    {"zerops:\n  - setup: a\n    run:\n      routing: {redirects: [{from: /a, to: https://example.com}]}", "needs a status"},
		"odd folder":            {"zerops:\n  - setup: a\n    run:\n      documentRoot: 'a;b'", "zerops.yml:4:21: zerops[0].run.documentRoot: \"a;b\" is no folder of a site"},
		"header of two lines":   {"zerops:\n  - setup: a\n    run:\n      routing: {headers: [{for: /, values: {\"X-A: b\": c}}]}", "routing: headers[0]: values: \"X-A: b\": \"c\" cannot be a header"},
		"header of framing":     {"zerops:\n  - setup: a\n    run:\n      routing: {headers: [{for: /, values: {Content-Length: 5}}]}", "zerops.yml:4:16: zerops[0].run.routing: headers[0]: values: \"Content-Length\": \"5\" cannot be a header"},
		"redirect from nowhere": {"zerops:\n  - setup: a\n    run:\n      routing: {redirects: [{from: a, to: /b}]}", "redirects[0]: from: \"a\" does not start with /"},
		"odd status":            {"zerops:\n  - setup: a\n    run:\n      routing: {redirects: [{from: /a, to: /b, status: 305}]}", "redirects[0]: status: 305 is none of"},
	} {
		_, err := Parse("zerops.yml", []byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestAllProblemsAreSaidAtOnceInOrder(t *testing.T) {
	_, err := Parse("zerops.yaml", []byte("zerops:\n  - setup: a\n    biuld: {}\n    run:\n      strat: x\n      ports: 8080\n"))
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 3 {
		t.Fatalf("got %v", err)
	}
	for i, line := range []int{3, 5, 6} {
		if p := e.Problems[i]; p.Line != line || p.File != "zerops.yaml" {
			t.Errorf("problem %d is %v", i, p)
		}
	}
}

func TestSetupsInheritSectionBySectionAndKeyByKey(t *testing.T) {
	f, err := Parse("zerops.yml", []byte(`zerops:
  - setup: base
    build:
      base: nodejs@22
      buildCommands: [npm ci, npm run build]
      deployFiles: dist
    run:
      base: nodejs@22
      start: npm start
      envVariables: {LOG: info, MODE: base}
  - setup: prod
    extends: base
    build:
      buildCommands: npm run build:prod
    run:
      envVariables: {MODE: production}
  - setup: worker
    extends: [prod]
    run: {start: node worker.js}
`))
	if err != nil {
		t.Fatal(err)
	}
	prod, _ := f.Choose("", "prod")
	if diff := cmp.Diff(map[string]string{"LOG": "info", "MODE": "production"}, prod.Run.Env); diff != "" {
		t.Errorf("variables of prod: %s", diff)
	}
	if prod.Run.Start != "npm start" || prod.Build.Base[0] != "nodejs@22" || len(prod.Build.BuildCommands) != 1 {
		t.Errorf("prod is %+v, %+v", prod.Build, prod.Run)
	}
	worker, _ := f.Choose("worker", "prod")
	if worker.Run.Start != "node worker.js" || worker.Build.BuildCommands[0] != "npm run build:prod" || worker.Run.Env["MODE"] != "production" {
		t.Errorf("worker is %+v, %+v", worker.Build, worker.Run)
	}
	base, _ := f.Choose("base", "")
	if len(base.Build.BuildCommands) != 2 || base.Run.Env["MODE"] != "base" {
		t.Errorf("base was changed: %+v", base)
	}
}

func TestAnchorsAndMergeKeysAreFollowed(t *testing.T) {
	f, err := Parse("zerops.yml", []byte(`zerops:
  - setup: a
    run: &run
      base: nodejs@22
      start: npm start
      envVariables: &env {A: "1"}
  - setup: b
    run:
      <<: *run
      start: node b.js
      envVariables: {<<: *env, B: "2"}
`))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := f.Choose("", "b")
	if b.Run.Base != "nodejs@22" || b.Run.Start != "node b.js" || b.Run.Env["A"] != "1" || b.Run.Env["B"] != "2" {
		t.Errorf("got %+v", b.Run)
	}
}

func TestTheSetupIsTheOneAskedForElseTheServicesElseTheOnlyOne(t *testing.T) {
	const setup = "\n    run: {base: nodejs@22, start: x}"
	two, err := Parse("zerops.yml", []byte("zerops:\n  - setup: api"+setup+"\n  - setup: web"+setup))
	if err != nil {
		t.Fatal(err)
	}
	one := &File{Setups: two.Setups[:1]}
	for _, c := range []struct {
		f              *File
		setup, service string
		want           string
	}{
		{two, "", "web", "web"}, {two, "api", "web", "api"}, {two, "", "other", ""}, {two, "other", "web", ""},
		{one, "", "other", "api"}, {one, "nope", "api", ""},
	} {
		s, ok := c.f.Choose(c.setup, c.service)
		if got := map[bool]string{true: "found"}[ok]; (got == "found") != (c.want != "") || ok && s.Name != c.want {
			t.Errorf("setup %q, service %q: %v", c.setup, c.service, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("zerops:\n  - setup: a\n    extends: a\n"))
	f.Add([]byte("a: &a [*a, *a]\nzerops: *a"))
	f.Add([]byte("zerops: {<<: [*x]}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Parse("zerops.yml", content)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || len(e.Problems) == 0 || e.Problems[0].Line < 1 {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		_ = file.Validate()
		for i := range file.Setups {
			if p, err := file.Plan(&file.Setups[i], content); err == nil && p.Setup != file.Setups[i].Name {
				t.Fatalf("plan of %q is called %q", file.Setups[i].Name, p.Setup)
			}
		}
	})
}
