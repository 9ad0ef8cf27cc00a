package builder

import (
	"slices"
	"strings"
	"testing"
	"time"

	"csph/buildpacks"
	"csph/platform"
)

func dockerfilePlan() buildpacks.Plan {
	return buildpacks.Plan{Language: "dockerfile", Dockerfile: "Dockerfile"}
}

func TestAMultiStageDockerfileWithModulesIsBuilt(t *testing.T) {
	l := sharedLab(t)
	dir := source(t, map[string]string{
		"Dockerfile": `# syntax=docker/dockerfile:1
ARG GO=1.26
FROM golang:${GO} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG GREETING
RUN test ! -e secret.txt && go build -ldflags "-X main.greeting=$GREETING" -o /out/web .
FROM debian:bookworm-slim
COPY --from=build /out/web /web
EXPOSE 9000/tcp
USER 1000
ENTRYPOINT ["/web"]
CMD ["--verbose"]
`,
		".dockerignore": "secret.txt\n",
		"secret.txt":    "not for the image",
		"go.mod":        "module web\n\ngo 1.26\n\nrequire github.com/google/uuid v1.6.0\n",
		"go.sum": "github.com/google/uuid v1.6.0 h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=\n" +
			"github.com/google/uuid v1.6.0/go.mod h1:TIyPZe4MgqvfeYDBFedMoGGpEw/LqOeaOT+nhxU+yHo=\n",
		"main.go": "package main\n\nimport \"github.com/google/uuid\"\n\nvar greeting string\n\nfunc main() { println(greeting, uuid.NewString()) }\n",
	})
	image, err := l.Build(l.timeout(10*time.Minute), Request{
		Deployment: "dep_docker", Service: "svc_docker", Dir: dir, Plan: dockerfilePlan(), Env: map[string]string{"GREETING": "hello"},
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, l.logText("dep_docker"))
	}
	if !slices.Equal(image.Command, []string{"/web", "--verbose"}) || image.Port != 9000 {
		t.Errorf("image is %+v", image)
	}
	if text := l.logText("dep_docker"); !strings.Contains(text, "RUN go mod download") || strings.Contains(text, "[internal]") {
		t.Errorf("the log is\n%s", text)
	}
}

func TestADockerfileThatCannotBeReadIsTheUsersError(t *testing.T) {
	l := sharedLab(t)
	dir := source(t, map[string]string{"Dockerfile": "FROM debian:bookworm-slim\nRUNN true\n"})
	_, err := l.Build(l.timeout(time.Minute), Request{Deployment: "dep_bad", Service: "svc_bad", Dir: dir, Plan: dockerfilePlan()})
	if f := failureOf(t, err); f.Reason != platform.BuildFailed || !strings.Contains(f.Message, "RUNN") {
		t.Errorf("failure is %+v", f)
	}
}

func TestADockerfileCannotAddFromPrivateNetworks(t *testing.T) {
	l := sharedLab(t)
	dir := source(t, map[string]string{"Dockerfile": "FROM debian:bookworm-slim\nADD http://169.254.169.254/latest/meta-data /x\n"})
	_, err := l.Build(l.timeout(time.Minute), Request{Deployment: "dep_add", Service: "svc_add", Dir: dir, Plan: dockerfilePlan()})
	if f := failureOf(t, err); !strings.Contains(f.Message, "private network") {
		t.Errorf("failure is %+v", f)
	}
}

func TestImagesOfADockerfileAreFoundThroughItsArguments(t *testing.T) {
	for _, c := range []struct {
		name, dockerfile string
		args             map[string]string
		want             []string
	}{
		{"one", "FROM node:22\n", nil, []string{"docker.io/library/node:22"}},
		{"no tag", "FROM debian\n", nil, []string{"docker.io/library/debian:latest"}},
		{"stages", "FROM golang:1.26 AS b\nFROM b AS c\nFROM scratch\nCOPY --from=c /x /x\nCOPY --from=0 /y /y\n", nil, []string{"docker.io/library/golang:1.26"}},
		{"copy from an image", "FROM scratch\nCOPY --from=nginx:1 /x /x\n", nil, []string{"docker.io/library/nginx:1"}},
		{"default argument", "ARG V=20\nFROM node:${V}-slim\n", nil, []string{"docker.io/library/node:20-slim"}},
		{"argument given", "ARG V=20\nFROM node:${V}-slim\n", map[string]string{"V": "22"}, []string{"docker.io/library/node:22-slim"}},
		{"argument of an argument", "ARG V=20\nARG T=${V}-slim\nFROM node:$T\n", nil, []string{"docker.io/library/node:20-slim"}},
		{"registry", "FROM ghcr.io/a/b@sha256:" + strings.Repeat("a", 64) + "\n", nil, []string{"ghcr.io/a/b@sha256:" + strings.Repeat("a", 64)}},
	} {
		got, err := imagesOf([]byte(c.dockerfile), c.args, nil)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

func FuzzImagesOfADockerfile(f *testing.F) {
	f.Add([]byte("ARG V=1\nFROM node:${V:-2} AS x\nCOPY --from=x /a /b\n"))
	f.Add([]byte("# escape=`\nFROM a\nRUN <<EOF\nx\nEOF\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		names, err := imagesOf(b, nil, nil)
		if err == nil && len(names) == 0 && !strings.Contains(strings.ToLower(string(b)), "from") {
			t.Errorf("no FROM and no error: %q", b)
		}
	})
}
