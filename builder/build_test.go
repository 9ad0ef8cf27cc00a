package builder

import (
	"strings"
	"testing"
	"time"

	"csph/buildpacks"
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
	build := func(deployment string) time.Duration {
		began := time.Now()
		image, err := l.Build(ctx, Request{Deployment: deployment, Service: "svc_go", Dir: dir, Plan: goPlan()})
		if err != nil {
			t.Fatalf("%v\n%s", err, l.logText(deployment))
		}
		if image.Ref != "csph.local/svc_go:"+deployment || !strings.HasPrefix(image.Digest, "sha256:") || image.Size == 0 {
			t.Fatalf("image is %+v", image)
		}
		t.Logf("%s took %v: %+v\n%s", deployment, time.Since(began).Round(time.Millisecond), image, l.logText(deployment))
		return time.Since(began)
	}
	build("dep_go1")
	build("dep_go2")
	write(t, dir+"/main.go", strings.Replace(goMain, "hello", "hello again", 1))
	build("dep_go3")
	write(t, dir+"/main.go", strings.Replace(goMain, "hello", "hello once more", 1))
	build("dep_go4")
}
