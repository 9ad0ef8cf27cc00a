package builder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

func TestAnUnchangedSourceIsNotBuiltAgainAndAnyChangeIs(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	dir := source(t, map[string]string{"file": "1"})
	n, last := 0, platform.Image{}
	build := func(change func(*Request)) (built bool) {
		t.Helper()
		n++
		r := Request{
			Deployment: fmt.Sprintf("dep_same%d", n), Service: "svc_same", Dir: dir, Plan: shellPlan("cat file"), Last: last,
			Env: map[string]string{"PUBLIC_X": "1"},
		}
		if change != nil {
			change(&r)
		}
		image, err := l.Build(ctx, r)
		must(t, err)
		text := l.logText(r.Deployment)
		same := image.Ref == last.Ref && image.Digest == last.Digest
		if said := strings.Contains(text, "nothing to build"); said != same || same == strings.Contains(text, "step 1") {
			t.Errorf("the image is the last one: %v, and the log says\n%s", same, text)
		}
		last = image
		return !same
	}
	if !build(nil) {
		t.Fatal("the first build built nothing")
	}
	if build(nil) {
		t.Error("nothing changed, and it was built again")
	}
	must(t, os.Chtimes(filepath.Join(dir, "file"), time.Now(), time.Now()))
	if build(func(r *Request) { r.Labels = map[string]string{"org.opencontainers.image.revision": "2"} }) {
		t.Error("another commit of the same files was built again")
	}
	for name, change := range map[string]func(*Request){
		"a file":               func(*Request) { write(t, dir+"/file", "2") },
		"the plan":             func(r *Request) { r.Plan.Start = "sleep 1" },
		"a public variable":    func(r *Request) { r.Env = map[string]string{"PUBLIC_X": "2"} },
		"a new secret":         func(r *Request) { r.Secrets = map[string]string{"TOKEN": "hunter2"} },
		"NoCache":              func(r *Request) { r.NoCache = true },
		"the image that was":   func(r *Request) { r.Last.Digest = "sha256:0" },
		"an image that went":   func(r *Request) { r.Last.Ref += "gone" },
		"no image to begin at": func(r *Request) { r.Last = platform.Image{} },
	} {
		if !build(change) {
			t.Errorf("%s changed, and nothing was built", name)
		}
		build(nil) // what the next change is compared with
	}
	if build(nil) {
		t.Error("nothing changed, and it was built again")
	}
	_, err := l.ClearCache(ctx, "svc_same")
	must(t, err)
	if !build(nil) {
		t.Error("the caches were cleared, and nothing was built")
	}
}

func TestAnotherBaseImageIsAnotherInput(t *testing.T) {
	s := &solve{survey: survey{digest: "d"}, bases: []base{{name: "debian", digest: "sha256:1"}}}
	must(t, s.note("order"))
	first := s.inputs
	must(t, s.note("order"))
	if s.inputs != first {
		t.Error("the same inputs have two digests")
	}
	s.bases[0].digest = "sha256:2"
	if must(t, s.note("order")); s.inputs == first {
		t.Error("an updated base image is no change")
	}
}

func TestADockerfileThatDownloadsIsAlwaysBuilt(t *testing.T) {
	for text, want := range map[string]bool{
		"FROM x\nADD https://example.com/f /f\n": true, "from x\n  add --chown=1 git@example.com:a/b.git /b\n": true,
		"FROM x\nADD file.tar /\n": false, "FROM x\n# ADD https://example.com/f\nRUN curl https://example.com\n": false,
	} {
		if got := addsFromNetwork.MatchString(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
