package builder

import (
	"slices"
	"strings"
	"testing"
	"time"

	"csph/buildpacks"
	"csph/platform"
)

const goMain = `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	http.ListenAndServe(":"+os.Getenv("PORT"), nil)
}
`

func goPlan() buildpacks.Plan {
	env := map[string]string{"HOME": "/root", "GOPATH": "/go", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
	return buildpacks.Plan{
		Language: "go", Start: "/app/bin/web", User: "1000",
		BuildImage: "docker.io/library/golang:1.26-bookworm", RunImage: debianBase, BuildEnv: env,
		Steps: []buildpacks.Step{{
			Name: "build web", Command: "go build -trimpath -ldflags='-s -w' -o bin/web .",
			Caches: []string{"/root/.cache/go-build", "/go/pkg/mod"},
		}},
		Copy: []buildpacks.Copy{{From: "/app/bin", To: "/app/bin"}},
	}
}

func TestAGoProgramIsBuiltIntoTheEnginesStore(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(10 * time.Minute)
	dir := source(t, map[string]string{"go.mod": "module web\n\ngo 1.26\n", "main.go": goMain})
	build := func(deployment string) (platform.Image, string) {
		image, err := l.Build(ctx, Request{Deployment: deployment, Service: "svc_go", Dir: dir, Plan: goPlan()})
		text := l.logText(deployment)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if image.Ref != "csph.local/svc_go:"+deployment || !strings.HasPrefix(image.Digest, "sha256:") || image.Size == 0 ||
			!slices.Equal(image.Command, []string{"/bin/sh", "-c", "exec /app/bin/web"}) {
			t.Errorf("image is %+v", image)
		}
		return image, text
	}
	first, _ := build("dep_go1")
	same, text := build("dep_go2")
	if !strings.Contains(text, "S build web  cached\n") || same.Digest != first.Digest {
		t.Errorf("nothing changed, and yet the image is %s after %s:\n%s", same.Digest, first.Digest, text)
	}
	write(t, dir+"/main.go", strings.Replace(goMain, "hello", "hello again", 1))
	changed, text := build("dep_go3")
	if strings.Contains(text, "build web  cached") || changed.Digest == first.Digest {
		t.Errorf("a change makes no new image:\n%s", text)
	}
}
