package buildpacks

import (
	"errors"
	"strings"
	"testing"

	"csph/buildpacks/zerops"
)

const zeropsFile = `zerops:
  - setup: web
    build: {base: nodejs@22, buildCommands: [npm ci], deployFiles: ./}
    run: {base: nodejs@22, start: npm start, ports: [{port: 3000, httpSupport: true}]}
  - setup: site
    run: {base: static}
`

func TestZeropsComesBeforeTheDockerfileAndTheProcfile(t *testing.T) {
	p := mustDetect(t, tree("zerops.yml", zeropsFile, "Dockerfile", "FROM x", "Procfile", "web: other\nrelease: migrate"), Options{Service: "web"})
	if p.Zerops == nil || p.Start != "npm start" || p.Port != 3000 || p.Release != "" {
		t.Errorf("got %+v", p)
	}
}

func TestTheSetupOfZeropsIsChosen(t *testing.T) {
	if p := mustDetect(t, tree("zerops.yaml", zeropsFile), Options{Service: "x", Setup: "site"}); p.Zerops.Setup != "site" || p.Site == nil || p.RunImage != "" {
		t.Errorf("got %+v", p)
	}
	_, err := Detect(tree("zerops.yml", zeropsFile), Options{Service: "web", Setup: "nope"})
	if err == nil || !strings.Contains(err.Error(), "it has no setup nope") || !strings.Contains(err.Error(), "web, site") {
		t.Errorf("got %v", err)
	}
	_, err = Detect(tree("go.mod", "module x"), Options{Setup: "web"})
	if err == nil || !strings.Contains(err.Error(), "needs a zerops.yml") {
		t.Errorf("got %v", err)
	}
	var ambiguous *AmbiguousError
	if _, err = Detect(tree("zerops.yml", zeropsFile), Options{Service: "other"}); !errors.As(err, &ambiguous) {
		t.Errorf("got %v", err)
	}
	p := mustDetect(t, tree("zerops.yml", zeropsFile, "index.html", "x"), Options{Service: "other"})
	if p.Language != "static" || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "none of its setups (web, site)") {
		t.Errorf("got %s, warned %q", p.Language, p.Warnings)
	}
}

func TestAZeropsFileThatIsWrongIsAnErrorEvenIfSomethingElseWouldBeDetected(t *testing.T) {
	_, err := Detect(tree("zerops.yml", "zerops: [{setup: web, rnu: {}}]", "index.html", "x"), Options{Service: "web"})
	var wrong *zerops.Error
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "did you mean run?") {
		t.Errorf("got %v", err)
	}
}

func TestDeployedFilesMustBeThereWhereNothingIsBuilt(t *testing.T) {
	const file = "zerops:\n  - setup: a\n    build: {deployFiles: [public/~, '*.txt']}\n    run: {base: static}"
	mustDetect(t, tree("zerops.yml", file, "public/index.html", "x"), Options{})
	_, err := Detect(tree("zerops.yml", file, "pulbic/index.html", "x"), Options{})
	if err == nil || !strings.Contains(err.Error(), "deployFiles names public/~, which is not in the source") {
		t.Errorf("got %v", err)
	}
}

func TestServiceCommandsReplaceThoseOfZerops(t *testing.T) {
	p := mustDetect(t, tree("zerops.yml", zeropsFile), Options{Service: "web", Build: "make", Run: "./run"})
	if p.Start != "./run" || p.Zerops.Run.Start != "./run" || len(p.Zerops.BuildCommands) != 1 || p.Zerops.BuildCommands[0] != "make" {
		t.Errorf("got %+v", p.Zerops)
	}
}

func TestASiteOfZeropsGetsAShellWhereACommandWantsOne(t *testing.T) {
	const more = `zerops: [{setup: web, run: {base: static, `
	for text, want := range map[string]struct{ image, start string }{
		"routing: {root: dist}":                         {"", ""},
		"initCommands: [date]":                          {debianImage, SiteServer},
		"prepareCommands: [date]":                       {debianImage, SiteServer},
		"start: python3 server.py":                      {debianImage, "python3 server.py"},
		"crontab: [{command: date, timing: 0 5 * * *}]": {debianImage, SiteServer},
		"healthCheck: {exec: {command: date}}":          {debianImage, SiteServer},
	} {
		p := mustDetect(t, tree("zerops.yml", more+text+"}}]"), Options{})
		if p.RunImage != want.image || p.Zerops.RunImage.Name != want.image || p.Start != want.start || (p.Site == nil) != strings.HasPrefix(want.start, "python") {
			t.Errorf("%s: starts %q in %q with %+v", text, p.Start, p.RunImage, p.Site)
		}
	}
	p := mustDetect(t, tree("zerops.yml", more+"}}]"), Options{Run: "./mine"})
	if p.RunImage != debianImage || p.Zerops.RunImage.Name != debianImage || p.Start != "./mine" || p.Site != nil {
		t.Errorf("with --run: %q in %q", p.Start, p.RunImage)
	}
	p = mustDetect(t, tree("zerops.yml", "zerops: [{setup: web, run: {base: nginx, start: nginx -c /var/www/nginx.conf}}]"), Options{})
	if !strings.Contains(p.RunImage, "nginx") || p.Start != "nginx -c /var/www/nginx.conf" || p.Site != nil {
		t.Errorf("nginx with a configuration of its own: %q in %q", p.Start, p.RunImage)
	}
}
