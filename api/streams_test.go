package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"csph/api/client"
	"csph/api/wire"
	"csph/logs"
	"csph/platform"
	"csph/transcript"
)

// raw opens a stream and returns its lines.
func (w world) raw(t *testing.T, path string, headers ...string) *bufio.Scanner {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.Token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s %s", path, answer.Status, answer.Header.Get("Content-Type"))
	}
	return bufio.NewScanner(answer.Body)
}

// await reads lines until one has the prefix, and returns what follows it.
func await(t *testing.T, lines *bufio.Scanner, prefix string) string {
	t.Helper()
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return rest
		}
	}
	t.Fatalf("the stream ended before %q: %v", prefix, lines.Err())
	return ""
}

func TestAnEventStreamResumesBehindTheLastEventID(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.live(t, "web")
	all := w.raw(t, "/v1/events?service=web")
	first := await(t, all, "id: ")
	second := await(t, all, "id: ")
	await(t, all, "event: end")
	resumed := w.raw(t, "/v1/events?service=web", "Last-Event-ID", first)
	if got := await(t, resumed, "id: "); got != second {
		t.Errorf("resumed behind %s at %s, want %s", first, got, second)
	}
}

func TestASilentStreamIsKeptAliveAndGoesOnWithWhatHappens(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	lines := w.raw(t, "/v1/events?service=web&follow=true")
	for lines.Scan() && lines.Text() != ":" {
		continue
	}
	w.live(t, "web")
	if got := await(t, lines, "data: "); !strings.Contains(got, `"kind":"accepted"`) {
		t.Errorf("got %s", got)
	}
}

func TestAFollowerThatIsCutOffMissesNothingAndSeesNothingTwice(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.live(t, "web")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var seen []int64
	for e, err := range w.Client.Events(ctx, client.EventQuery{Service: "web", Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, e.Seq)
		if len(seen)%3 == 1 {
			w.Disconnect()
		}
		if e.Settles() && len(seen) > 15 {
			break
		} else if e.Settles() {
			if _, err := w.Redeploy(t.Context(), e.Deployment); err != nil {
				t.Fatal(err)
			}
		}
		if len(seen) == 1 {
			continue
		}
		if seen[len(seen)-1] <= seen[len(seen)-2] {
			t.Fatalf("out of order, or twice: %v", seen)
		}
	}
	var want []int64
	for e, err := range w.Client.Events(ctx, client.EventQuery{Service: "web"}) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e.Seq)
	}
	if len(seen) < 16 || !slices.Equal(seen, want[:len(seen)]) {
		t.Errorf("saw %v of %v", seen, want)
	}
}

func TestABuildLogIsStreamedToItsEndAndResumes(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	d := w.live(t, "web")
	lines := w.raw(t, "/v1/deployments/"+d.ID+"/build-log?follow=true")
	first := await(t, lines, "id: ")
	if got := await(t, lines, "data: "); !strings.Contains(got, `"stream":"step"`) {
		t.Errorf("first line %s", got)
	}
	await(t, lines, "event: end")
	resumed := w.raw(t, "/v1/deployments/"+d.ID+"/build-log", "Last-Event-ID", first)
	if got := await(t, resumed, "data: "); !strings.Contains(got, "working on it") {
		t.Errorf("resumed at %s", got)
	}
	again, err := w.Redeploy(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range w.BuildLog(t.Context(), again.ID, client.LogQuery{Follow: true}) {
		if !errors.Is(err, platform.ErrNotFound) {
			t.Errorf("the build log of a redeployment: %v", err)
		}
	}
}

// writer appends to the log of a spherelet.
func (w world) writer(t *testing.T, deployment, spherelet string) *logs.Writer {
	t.Helper()
	log, err := logs.Create(filepath.Join(w.LogDir(), "spherelets", deployment, spherelet+".log"), logs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func write(t *testing.T, log *logs.Writer, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := log.Append(logs.Out, text); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogsOfAllSphereletsComeInOrderOfTime(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	d := w.live(t, "web")
	a, b := w.writer(t, d.ID, "sph_a"), w.writer(t, d.ID, "sph_b")
	for i := range 20 {
		write(t, []*logs.Writer{a, b}[i%2], fmt.Sprint(i))
		for at := time.Now().UnixMicro(); time.Now().UnixMicro() == at; { // times are kept to the microsecond
		}
	}
	for _, tail := range []int{0, 5} {
		var got []string
		for l, err := range w.ServiceLogs(t.Context(), "web", client.LogQuery{Tail: tail}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, l.Text)
		}
		want := 20
		if tail > 0 {
			want = tail
		}
		if len(got) != want || got[len(got)-1] != "19" || !slices.IsSortedFunc(got, func(a, b string) int { return number(a) - number(b) }) {
			t.Errorf("tail %d: %v", tail, got)
		}
	}
}

func number(s string) (n int) {
	fmt.Sscan(s, &n)
	return n
}

func TestAFollowedServiceLogGoesOnWithNewSphereletsAndDeployments(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	one := w.live(t, "web")
	write(t, w.writer(t, one.ID, "sph_a"), "old", "one")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []string
	for l, err := range w.ServiceLogs(ctx, "web", client.LogQuery{Tail: 1, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.Text)
		switch l.Text {
		case "one":
			write(t, w.writer(t, one.ID, "sph_b"), "two")
		case "two":
			w.Disconnect()
			write(t, w.writer(t, one.ID, "sph_a"), "three")
		case "three":
			next, err := w.Redeploy(ctx, one.ID)
			if err != nil {
				t.Fatal(err)
			}
			w.Deployer.Settled(t, next.ID)
			write(t, w.writer(t, next.ID, "sph_c"), "four")
		}
		if l.Text == "four" {
			break
		}
	}
	if want := []string{"one", "two", "three", "four"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestABrokenLastEventIDIsRefused(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	for _, path := range []string{"/v1/events", "/v1/services/web/logs"} {
		for _, id := range []string{"x", "-1", "12-", "12-x", "12-0"} {
			answer, _ := w.request(t, http.MethodGet, path, w.Token, nil, "Last-Event-ID", id)
			if answer.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("%s, id %q: %s", path, id, answer.Status)
			}
		}
	}
}

func TestATranscriptCanBeToldThroughTheAPI(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	for image, want := range map[string]string{
		"nginx:1":   "web is live at http://web.localhost",
		"broken:1":  "there is no image broken:1",
		"unhealthy": "| panic: no database",
	} {
		d, err := w.DeployImage(t.Context(), "web", wire.NewDeployment{Image: image})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err = transcript.Follow(t.Context(), w.Story(), d.ID, &out)
		var settled *transcript.SettledError
		if (err == nil) != (image == "nginx:1") || err != nil && !errors.As(err, &settled) {
			t.Errorf("%s: %v", image, err)
		}
		if !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "working on it") {
			t.Errorf("%s:\n%s", image, out.String())
		}
	}
}
