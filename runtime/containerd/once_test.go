package containerd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"csph/platform"
)

// transcript is a BuildLog that remembers.
type transcript struct {
	mu    sync.Mutex
	lines []string
}

func (t *transcript) Step(text string) { t.Line("STEP " + text) }
func (t *transcript) Close() error     { return nil }
func (t *transcript) Line(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, text)
}

func TestACommandIsRunOnce(t *testing.T) {
	r := newRig(t)
	before := r.inventory()
	t.Run("and what it says is passed on", func(t *testing.T) {
		log := &transcript{}
		exit, err := r.eng.RunOnce(t.Context(), r.set("dep_1"), []string{"/app", "say", "migrated", "3", "tables"}, log)
		slices.Sort(log.lines)
		if err != nil || exit != 0 || strings.Join(log.lines, "|") != "and an end without newline|migrated 3 tables" {
			t.Errorf("exit %d, %v, %q", exit, err, log.lines)
		}
	})
	t.Run("and its exit code is told", func(t *testing.T) {
		if exit, err := r.eng.RunOnce(t.Context(), r.set("dep_1"), []string{"/app", "exit", "9"}, &transcript{}); err != nil || exit != 9 {
			t.Errorf("exit %d, %v", exit, err)
		}
	})
	t.Run("and why it could not be", func(t *testing.T) {
		_, err := r.eng.RunOnce(t.Context(), r.set("dep_1"), []string{"rake", "db:migrate"}, &transcript{})
		var failure *platform.Failure
		if !errors.As(err, &failure) || failure.Reason != platform.StartFailed || !strings.Contains(failure.Message, "rake was not found") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("and told from others when it eats too much", func(t *testing.T) {
		exit, err := r.eng.RunOnce(t.Context(), r.set("dep_1"), []string{"/app", "eat", "700"}, &transcript{})
		var failure *platform.Failure
		if exit != 137 || !errors.As(err, &failure) || failure.Reason != platform.OutOfMemory {
			t.Errorf("exit %d, %v", exit, err)
		}
	})
	t.Run("and killed when nobody wants it any more", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := r.eng.RunOnce(ctx, r.set("dep_1"), []string{"/app", "sleep"}, &transcript{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	r.unchanged(before)
}

func TestACommandThatOutlivesItsCsphdIsRemovedByTheNext(t *testing.T) {
	r := newRig(t)
	before := r.inventory()
	s := r.set("dep_1")
	s.Command = []string{"/app", "sleep"}
	n, addr, err := r.eng.addrs.take(s.Project)
	r.check(err)
	j := &job{e: r.eng, set: s, id: "sph_01once00000000000000000000", net: n, addr: addr, single: true}
	_, err = j.start(t.Context(), j.logger(""))
	r.check(err)
	r.restartEngine()
	r.unchanged(before)
}
