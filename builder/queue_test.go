package builder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// line is a queue whose builds the test starts and ends.
type line struct {
	*queue
	t        *testing.T
	mu       sync.Mutex
	admitted []string
	why      map[string]string
	release  map[string]func()
	cancel   map[string]context.CancelFunc
	ended    map[string]error
	full     string // why there is no room
}

func newLine(t *testing.T, limit int) *line {
	l := &line{t: t, why: map[string]string{}, release: map[string]func(){}, cancel: map[string]context.CancelFunc{}, ended: map[string]error{}}
	l.queue = newQueue(limit, func([]*ticket) string {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.full
	})
	return l
}

// join asks for a build called account/service, and returns once it runs or waits.
func (l *line) join(name string) {
	account, service, _ := strings.Cut(name, "/")
	ctx, cancel := context.WithCancel(l.t.Context())
	l.cancel[name] = cancel
	go func() {
		release, err := l.admit(ctx, &ticket{account: account, service: service, admitted: make(chan struct{})}, func(why string) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.why[name] = why
		})
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil {
			l.ended[name] = err
			return
		}
		l.admitted = append(l.admitted, name)
		l.release[name] = release
	}()
	synctest.Wait()
}

func (l *line) end(name string) {
	l.mu.Lock()
	release := l.release[name]
	l.mu.Unlock()
	release()
	synctest.Wait()
}

func (l *line) ran(want ...string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.admitted, want) {
		l.t.Fatalf("builds ran in the order %q, want %q", l.admitted, want)
	}
}

func (l *line) waits(name, why string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why[name] != why {
		l.t.Errorf("%s waits because %q, want %q", name, l.why[name], why)
	}
}

func TestAccountsAndTheirServicesTakeTurnsToBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1)
		for _, name := range []string{"a/1", "a/2", "a/3", "b/1x", "c/1y", "b/2x"} {
			l.join(name)
		}
		l.ran("a/1")
		want := []string{"a/1", "b/1x", "c/1y", "a/2", "b/2x", "a/3"}
		for i, name := range want[:5] {
			l.end(name)
			l.ran(want[:i+2]...)
		}
	})
}

func TestAServiceThatIsBuiltAllTheTimeLetsOthersIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1)
		l.join("a/busy")
		l.join("a/other")
		l.join("a/busy")
		l.waits("a/busy", "queued behind another build of this service")
		l.end("a/busy")
		l.ran("a/busy", "a/other")
		l.end("a/other")
		l.ran("a/busy", "a/other", "a/busy")
	})
}

func TestAWaitingBuildSaysWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 2)
		for i := range 4 {
			l.join(fmt.Sprintf("a/%d", i))
		}
		l.ran("a/0", "a/1")
		l.waits("a/2", "queued behind 2 builds")
		l.waits("a/3", "queued behind 3 builds")
		l.join("b/x")
		l.waits("a/3", "queued behind 4 builds")
		l.end("a/0")
		l.ran("a/0", "a/1", "b/x")
		l.waits("a/3", "queued behind 3 builds")
	})
}

func TestABuildBesideAnotherWaitsForRoomAndTheFirstDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 3)
		l.full = "waiting for memory: 1 GB left"
		l.join("a/1")
		l.ran("a/1")
		l.join("b/2")
		l.ran("a/1")
		l.waits("b/2", "waiting for memory: 1 GB left")
		l.join("c/3")
		l.waits("c/3", "waiting for memory; before this one: 1 build")
		l.mu.Lock()
		l.full = ""
		l.mu.Unlock()
		time.Sleep(roomEvery) // of the bubble: nobody tells when memory is free
		synctest.Wait()
		l.ran("a/1", "b/2", "c/3")
	})
}

func TestAWaitingBuildCanBeCancelledAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1)
		l.join("a/1")
		l.join("a/2")
		l.join("a/3")
		began := time.Now()
		l.cancel["a/2"]()
		synctest.Wait()
		if err := l.ended["a/2"]; !errors.Is(err, context.Canceled) || time.Since(began) > 0 {
			t.Errorf("it ended with %v after %v", err, time.Since(began))
		}
		l.waits("a/3", "queued behind 1 build")
		l.end("a/1")
		l.ran("a/1", "a/3")
	})
}
