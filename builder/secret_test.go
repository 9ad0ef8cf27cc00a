package builder

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHostSettingsReachTheStepsAndAreWrittenNowhere(t *testing.T) {
	const marker = "https://user:s3cret-of-the-host@mirror.invalid/"
	l := ownLab(t, Config{IdleRestart: time.Hour, Settings: HostSettings{Env: map[string]string{"GOPROXY": marker}}})
	ctx := l.timeout(5 * time.Minute)
	must(t, l.buildShell(ctx, "dep_secret", `echo "${#GOPROXY} characters"; test -s "$SSL_CERT_FILE"`))
	if text := l.logText("dep_secret"); !strings.Contains(text, "O 47 characters") {
		t.Fatalf("the setting does not reach the step:\n%s", text)
	}
	dir := source(t, map[string]string{"Dockerfile": "FROM debian:bookworm-slim\nRUN echo \"${#GOPROXY} characters\" && test -s $SSL_CERT_FILE\n"})
	_, err := l.Build(ctx, Request{Deployment: "dep_secret2", Service: "svc_secret2", Dir: dir, Plan: dockerfilePlan()})
	must(t, err)
	if text := l.logText("dep_secret2"); !strings.Contains(text, "O 47 characters") {
		t.Fatalf("the setting does not reach a RUN:\n%s", text)
	}
	err = filepath.WalkDir(l.host.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // what is being removed may vanish
		}
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, []byte("s3cret-of-the-host")) {
			t.Errorf("the setting is in %s", path)
		}
		return nil
	})
	must(t, err)
}
