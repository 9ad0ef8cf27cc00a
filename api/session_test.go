package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func TestASessionPassesInputOutputAndExitStatusOn(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.live(t, "web")
	in, feed := io.Pipe()
	out := newAwaited()
	type ended struct {
		exit int
		err  error
	}
	done := make(chan ended, 1)
	go func() {
		exit, err := w.Session(t.Context(), "web", wire.NewSession{Command: []string{"cat"}}, client.Streams{In: in, Out: out, Errs: io.Discard})
		done <- ended{exit, err}
	}()
	for _, line := range []string{"first\n", "second\n"} { // each is back before the next is sent
		if _, err := io.WriteString(feed, line); err != nil {
			t.Fatal(err)
		}
		out.await(t, line)
	}
	long := strings.Repeat("x", 1<<20) + "end"
	if _, err := io.WriteString(feed, long); err != nil {
		t.Fatal(err)
	}
	if err := feed.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got.exit != 0 || got.err != nil || !strings.HasSuffix(out.String(), long) {
		t.Errorf("%+v with %d bytes", got, len(out.String()))
	}
	var errs bytes.Buffer
	exit, err := w.Session(t.Context(), "web", wire.NewSession{Command: []string{"false"}}, client.Streams{Out: io.Discard, Errs: &errs})
	if exit != 1 || err != nil || errs.String() != "no\n" {
		t.Errorf("%d, %v, %q", exit, err, errs.String())
	}
}

func TestASessionHasATerminalOfTheSizeThatItIsTold(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.live(t, "web")
	var out bytes.Buffer
	sizes := make(chan wire.TerminalSize, 1)
	sizes <- wire.TerminalSize{Width: 100, Height: 30}
	exit, err := w.Session(t.Context(), "web", wire.NewSession{Command: []string{"size"}, TTY: true, Term: "vt100", Size: wire.TerminalSize{Width: 91, Height: 17}},
		client.Streams{Out: &out, Errs: io.Discard, Sizes: sizes})
	if exit != 7 || err != nil || out.String() != "true vt100 91x17 100x30" {
		t.Errorf("%d, %v, %q", exit, err, out.String())
	}
}

func TestASessionOfItsOwnNeedsNothingThatRuns(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	var out bytes.Buffer
	streams := client.Streams{Out: &out, Errs: io.Discard}
	exit, err := w.SessionOnce(t.Context(), "web", wire.NewSession{Command: []string{"where"}, TTY: true}, streams)
	if exit != 0 || err != nil || out.String() != "alone, with the image of "+svc.ID {
		t.Errorf("%d, %v, %q", exit, err, out.String())
	}
	if _, err = w.Session(t.Context(), "web", wire.NewSession{Command: []string{"where"}}, streams); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("in one that runs: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done, lingers := make(chan error, 1), newAwaited()
	go func() {
		_, err := w.SessionOnce(ctx, "web", wire.NewSession{Command: []string{"linger"}}, client.Streams{Out: lingers, Errs: io.Discard})
		done <- err
	}()
	lingers.await(t, "lingering")
	cancel()
	w.Deployer.AwaitKilled(t)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestASecretIsMaskedInASessionHoweverItIsCut(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	w.live(t, "web")
	if _, err := w.SetSecrets(t.Context(), svc.ID, map[string]string{"KEY": "correct-horse"}); err != nil {
		t.Fatal(err)
	}
	w.Deployer.Settled(t, w.newest(t, svc.ID))
	out := newAwaited()
	_, err := w.Session(t.Context(), "web", wire.NewSession{Command: []string{"cat"}},
		client.Streams{In: io.MultiReader(strings.NewReader("a correct-"), strings.NewReader("horse b")), Out: out, Errs: io.Discard})
	if err != nil || out.String() != "a *** b" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestACommandIsKilledWithItsSession(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.live(t, "web")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done, lingers := make(chan error, 1), newAwaited()
	go func() {
		_, err := w.Session(ctx, "web", wire.NewSession{Command: []string{"linger"}}, client.Streams{Out: lingers, Errs: io.Discard})
		done <- err
	}()
	lingers.await(t, "lingering")
	cancel()
	w.Deployer.AwaitKilled(t)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestASessionIsRefusedLikeEverythingElse(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	refused := func(c *client.Client, what error) {
		t.Helper()
		_, err := c.Session(t.Context(), "web", wire.NewSession{Command: []string{"cat"}}, client.Streams{Out: io.Discard, Errs: io.Discard})
		if !errors.Is(err, what) {
			t.Errorf("got %v, want %v", err, what)
		}
	}
	refused(w.Client, platform.ErrConflict) // nothing is live
	w.live(t, "web")
	refused(w.foreigner(t), platform.ErrNotFound)
	viewer, err := client.New(w.URL, w.NewMember(t, platform.Invitation{Name: "v", Role: platform.RoleViewer}), "test")
	if err != nil {
		t.Fatal(err)
	}
	refused(viewer, platform.ErrForbidden)
	answer, text := w.request(t, http.MethodGet, "/v1/services/web/session", w.Token, nil)
	if answer.StatusCode != http.StatusUnprocessableEntity || !bytes.Contains(text, []byte("Upgrade: websocket")) {
		t.Errorf("without an upgrade: %d %s", answer.StatusCode, text)
	}
	_, err = w.Session(t.Context(), "web", wire.NewSession{}, client.Streams{Out: io.Discard, Errs: io.Discard})
	if p := problem(t, err); p.Code != wire.CodeInvalid {
		t.Errorf("without a command: %+v", p)
	}
}

// awaited keeps what is written to it, for one goroutine to wait for.
type awaited struct {
	mu   sync.Mutex
	all  strings.Builder
	news chan struct{}
}

func newAwaited() *awaited { return &awaited{news: make(chan struct{}, 1)} }

func (a *awaited) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case a.news <- struct{}{}:
	default:
	}
	return a.all.Write(b)
}

func (a *awaited) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all.String()
}

// await blocks until something that contains text has been written.
func (a *awaited) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !strings.Contains(a.String(), text) {
		select {
		case <-a.news:
		case <-deadline:
			t.Fatalf("%q has not come in %q", text, a.String())
		}
	}
}
