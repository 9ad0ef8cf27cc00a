package builder

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"csph/logs"
	"csph/platform"
)

// blobs calls visit with every blob of an image: index, manifests, configuration, layers.
func (l *lab) blobs(ctx context.Context, image platform.Image, visit func(d ocispecs.Descriptor, blob []byte)) {
	l.t.Helper()
	ctx = l.inNamespace(ctx)
	found, err := l.engine.GetImage(ctx, image.Ref)
	must(l.t, err)
	store := found.ContentStore()
	must(l.t, images.Walk(ctx, images.HandlerFunc(func(ctx context.Context, d ocispecs.Descriptor) ([]ocispecs.Descriptor, error) {
		r, err := store.ReaderAt(ctx, d)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		blob, err := io.ReadAll(content.NewReader(r))
		if err != nil {
			return nil, err
		}
		visit(d, blob)
		return images.Children(ctx, store, d)
	}), found.Target()))
}

func TestSecretsReachTheStepsAndNoImageHistoryConfigOrLog(t *testing.T) {
	const token, pem = "hunter2-of-the-service", "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	show := `printf %s "$TOKEN" | wc -c; cat /run/secrets/PEM; echo "in the middle $TOKEN of a line"; printf hunter2; sleep 0.2; echo -of-the-service; ls -l /run/secrets/TOKEN`
	dockerfile := "FROM debian:bookworm-slim\nRUN --mount=type=secret,id=TOKEN,env=TOKEN --mount=type=secret,id=TOKEN --mount=type=secret,id=PEM " + show + " && echo kept > /kept\nRUN test ! -e /run/secrets/TOKEN\nCOPY . /app\n"
	for _, c := range []struct {
		deployment string
		request    Request
	}{
		{"dep_sec1", Request{Plan: shellPlan(show+"; echo kept > kept", "test -s /run/secrets/TOKEN")}},
		{"dep_sec2", Request{Plan: dockerfilePlan()}},
	} {
		r := c.request
		r.Deployment, r.Service, r.Secrets = c.deployment, "svc_"+c.deployment, map[string]string{"TOKEN": token, "PEM": pem}
		r.Dir = source(t, map[string]string{"Dockerfile": dockerfile, "f": "x"})
		image, err := l.Build(ctx, r)
		text := l.logText(r.Deployment)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, want := range []string{"O 22\n", "O in the middle *** of a line\n", "/run/secrets/TOKEN\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the log lacks %q:\n%s", r.Deployment, want, text)
			}
		}
		hidden := []string{token, "MIIEvQIBADANBgkq", "hkiG9w0BAQEFAASC"}
		for _, secret := range hidden {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the log shows %q:\n%s", r.Deployment, secret, text)
			}
		}
		n := 0
		l.blobs(ctx, image, func(d ocispecs.Descriptor, blob []byte) {
			n++
			for _, secret := range hidden {
				if bytes.Contains(blob, []byte(secret)) {
					t.Errorf("%s: %q is in a blob of the image, %s", r.Deployment, secret, d.MediaType)
				}
			}
		})
		if got := l.listing(ctx, image, "/run"); n < 4 || strings.Contains(got, "secrets") {
			t.Errorf("%s: of %d blobs, /run holds %q", r.Deployment, n, got)
		}
	}
}

func TestASecretIsNamedLikeAVariable(t *testing.T) {
	r := Request{Deployment: "dep_1", Service: "svc_1", Dir: "/x"}
	for name, ok := range map[string]bool{"TOKEN": true, "_a1": true, "": false, "../x": false, "a/b": false, "csph.ca": false, "1A": false, "A B": false} {
		r.Secrets = map[string]string{name: "value"}
		if err := r.validate(); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPasswordsInTheHostsSettingsAreHidden(t *testing.T) {
	s := HostSettings{
		Env:   map[string]string{"GOPROXY": "https://user:first-one@a.example.com|https://b.example.com,https://u:second%21@c.example.com/x", "CI": "true"},
		NPMRC: []byte("registry=https://npm.example.com/\n//npm.example.com/:_authToken=third-one\n"),
	}
	got := s.passwords()
	slices.Sort(got)
	if want := []string{"first-one", "second!", "third-one"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if text := maskOf(Request{}, s).Text("fetching https://user:first-one@a.example.com"); strings.Contains(text, "first-one") {
		t.Errorf("shown as %q", text)
	}
}

func TestTheSameSourceMakesTheSameImageEvenWithoutACache(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	dir := source(t, map[string]string{"package.json": "{}", "index.html": "hello", "deep/er/file": "x"})
	past := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(dir+"/package.json", past, past))
	plan := shellPlan("mkdir -p node_modules/m; date +%N > /dev/null; echo m > node_modules/m/index", "mkdir -p dist/sub; cp index.html dist/sub/; ln -s sub/index.html dist/link")
	plan.Steps[0].Inputs = []string{"package.json"}
	plan.Copy[0].Exclude = []string{"node_modules"}
	plan.Copy = slices.Insert(plan.Copy, 0, plan.Copy[0])
	plan.Copy[0].From, plan.Copy[0].To, plan.Copy[0].Exclude = "/app/node_modules", "/app/node_modules", nil
	plan.Files, plan.User = map[string]string{"/etc/app/conf": "x"}, "1000"
	build := func(deployment string, noCache bool) (platform.Image, []string) {
		image, err := l.Build(ctx, Request{
			Deployment: deployment, Service: "svc_repro", Dir: dir, Plan: plan, NoCache: noCache, Labels: map[string]string{"org.opencontainers.image.revision": "abc"},
		})
		must(t, err)
		var blobs []string
		l.blobs(ctx, image, func(d ocispecs.Descriptor, blob []byte) {
			if d.Size < 1<<16 {
				blobs = append(blobs, string(blob))
			}
		})
		return image, blobs
	}
	first, one := build("dep_repro1", false)
	again, two := build("dep_repro2", true)
	if first.Digest != again.Digest {
		t.Errorf("without a cache the image is %s, not %s:\n%q\n%q", again.Digest, first.Digest, one, two)
	}
	if text := l.logText("dep_repro2"); strings.Contains(text, "cached") {
		t.Errorf("something came from the cache:\n%s", text)
	}
	config := strings.Join(one, "\n")
	for _, want := range []string{`"org.opencontainers.image.revision":"abc"`, `"org.opencontainers.image.created":"`, `"User":"1000:1000"`} {
		if !strings.Contains(config, want) {
			t.Errorf("the configuration lacks %s:\n%s", want, config)
		}
	}
	must(t, os.Chtimes(dir+"/index.html", time.Now().Add(time.Hour), time.Now().Add(time.Hour)))
	if newer, _ := build("dep_repro3", false); newer.Digest == first.Digest {
		t.Error("files of a newer source are as old as before: caches of browsers would keep what they have")
	}
}

func TestWhatABuildHidesIsHiddenFromEverythingThatWritesIntoItsLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	open := newOpenLogs(func(string) string { return path })
	build, err := open.acquire("dep_a")
	must(t, err)
	release, err := open.acquire("dep_a")
	must(t, err)
	build.hide(logs.NewMask("hunter2"))
	must(t, build.Close())
	release.Line("migrating with hunter2")
	must(t, release.Close())
	if text := readLog(t, path); text != "O migrating with ***\n" {
		t.Errorf("the log is %q", text)
	}
}
