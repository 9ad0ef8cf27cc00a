package foreign

import (
	"strings"
	"testing"
	"testing/fstest"

	"csph/cmd/csph/manifest"
)

func folder(name, content string) fstest.MapFS {
	return fstest.MapFS{name: &fstest.MapFile{Data: []byte(content)}}
}

func TestVariablesWhoseValueComesFromElsewhereAreSecrets(t *testing.T) {
	s := manifest.Service{Env: map[string]string{}}
	for _, line := range []string{"A=1", "B", "C=${X}", "D=${X:-d}", "E=a$$b", "F=${X-}", "G='q'", "H=pre-${X:-y}-$Z", "I=$X"} {
		set(&s, line)
	}
	want := map[string]string{"A": "1", "D": "d", "E": "a$b", "F": "", "G": "q"}
	for name, value := range want {
		if got, ok := s.Env[name]; !ok || got != value {
			t.Errorf("%s is %q, %v; want %q", name, got, ok, value)
		}
	}
	if got := strings.Join(s.Secrets, " "); got != "B C H I" || len(s.Env) != len(want) {
		t.Errorf("secrets %s, variables %v", got, s.Env)
	}
}

func TestNoSecretValueGetsIntoTheFile(t *testing.T) {
	app, err := Read(folder("import.yml", "services: [{hostname: a, type: go@1, envSecrets: {KEY: hidden-value}}]"), "import.yml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := manifest.Encode(manifest.File{Projects: []manifest.Project{{Name: "p", Environments: []manifest.Environment{{Name: "e", Env: app.Env, Services: app.Services}}}}})
	if err != nil || strings.Contains(string(text), "hidden-value") || !strings.Contains(string(text), "KEY") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestSeveralFilesThatCouldBeMeantAreNamed(t *testing.T) {
	_, err := Find(fstest.MapFS{"app.json": {}, "fly.toml": {}})
	if err == nil || !strings.Contains(err.Error(), "fly.toml, app.json") {
		t.Errorf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, content := range map[string]string{
		"compose.yaml": "services: {web: {image: nginx, ports: ['80:80', {target: 3}], environment: [A, B=1], command: [a, b c], deploy: {replicas: 2}}}",
		"deploy.yml":   "service: a\nimage: b\nservers: {web: [h], job: {hosts: [h], cmd: x}}\nproxy: {host: x.org}\naccessories: {db: {image: c}}",
		"fly.toml":     "app='a'\n[processes]\nweb='x'\nb='y'\n[http_service]\ninternal_port=80\n[[vm]]\nmemory='1gb'",
		"app.json":     `{"name":"a","env":{"A":{"value":"1"},"B":{}},"formation":{"web":{"quantity":2}},"addons":["x",{"plan":"y"}]}`,
		"import.yml":   "project: {name: p}\nservices: [{hostname: a, type: go@1, mount: [s]}]",
	} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		for _, kind := range []string{"compose.yaml", "fly.toml", "app.json"} {
			app, err := Read(folder(kind, content), kind)
			if err == nil && len(app.Services) == 0 && len(app.Notes) == 0 {
				t.Errorf("%q is read as nothing at all", content)
			}
		}
	})
}

func TestContainersThatZeropsScalesAreAutoscaled(t *testing.T) {
	app, err := Read(folder("import.yml", "services: [{hostname: a, type: go@1, minContainers: 2, maxContainers: 6}, {hostname: b, type: go@1, minContainers: 3}]"), "import.yml")
	if err != nil {
		t.Fatal(err)
	}
	want := manifest.Autoscale{Min: 2, Max: 6, CPU: 70}
	if a := app.Services[0]; a.Autoscale == nil || *a.Autoscale != want || a.Count != 0 {
		t.Errorf("a is %+v", a)
	}
	if b := app.Services[1]; b.Autoscale != nil || b.Count != 3 {
		t.Errorf("b is %+v", b)
	}
}
