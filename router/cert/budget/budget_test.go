package budget

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
)

// world is a ledger in files whose clock stands still until it is moved.
type world struct {
	*Ledger
	t   *testing.T
	dir string
	now time.Time
}

func open(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.reopen()
	return w
}

// reopen is a restart.
func (w *world) reopen() {
	w.Ledger = New(&certmagic.FileStorage{Path: w.dir}, func() time.Time { return w.now })
}

// order is an order that brings a certificate, if it may be made.
func (w *world) order(name string, l Limits, renewal bool) error {
	w.t.Helper()
	if err := w.Order(w.t.Context(), "ca", name, l, renewal); err != nil {
		return err
	}
	return w.Issue(w.t.Context(), "ca", name, renewal)
}

// waits checks that an order has to wait for so long.
func (w *world) waits(err error, d time.Duration) {
	w.t.Helper()
	var wait *WaitError
	if !errors.As(err, &wait) || !wait.Until.Equal(w.now.Add(d)) {
		w.t.Errorf("got %v; want a wait until %s", err, w.now.Add(d))
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

func TestTheSameNameIsOrderedOnlySoOften(t *testing.T) {
	w := open(t)
	l := Limits{Duplicates: Limit{2, time.Hour}}
	w.ok(w.order("a.example.com", l, false))
	w.now = w.now.Add(10 * time.Minute)
	w.ok(w.order("a.example.com", l, true))
	w.waits(w.order("a.example.com", l, true), 50*time.Minute)
	w.ok(w.order("b.example.com", l, false))
	w.ok(w.Order(t.Context(), "other ca", "a.example.com", l, false))
	w.now = w.now.Add(50 * time.Minute)
	w.ok(w.order("a.example.com", l, false))
	w.waits(w.order("a.example.com", l, false), 10*time.Minute)
}

func TestNamesOfOneRegisteredDomainShareABudgetAndRenewalsDoNotCount(t *testing.T) {
	w := open(t)
	l := Limits{Registered: Limit{2, time.Hour}}
	w.ok(w.order("a.example.co.uk", l, false))
	w.ok(w.order("example.co.uk", l, true))
	w.ok(w.order("*.example.co.uk", l, false))
	w.waits(w.order("b.x.example.co.uk", l, false), time.Hour)
	w.ok(w.order("b.example.co.uk", l, true))
	w.ok(w.order("other.co.uk", l, false))
}

func TestAllOrdersOfAnAccountShareABudget(t *testing.T) {
	w := open(t)
	l := Limits{Orders: Limit{3, time.Hour}}
	for i := range 3 {
		w.ok(w.order(fmt.Sprintf("a.example%d.com", i), l, false))
	}
	w.waits(w.order("a.example9.com", l, false), time.Hour)
}

func TestOrdersThatBringNothingDoNotCountAsCertificates(t *testing.T) {
	w := open(t)
	l := Limits{Duplicates: Limit{1, time.Hour}, Registered: Limit{1, time.Hour}}
	for range 5 { // the authority is away
		w.ok(w.Order(t.Context(), "ca", "a.example.com", l, true))
	}
	w.ok(w.order("a.example.com", l, true))
	w.waits(w.order("a.example.com", l, true), time.Hour)
}

func TestFailedValidationsHoldBackOnlyTheirName(t *testing.T) {
	w := open(t)
	l := Limits{Failures: Limit{2, time.Hour}}
	for range 2 {
		w.ok(w.order("a.example.com", l, false))
		w.ok(w.Fail(t.Context(), "ca", "a.example.com"))
	}
	w.waits(w.order("a.example.com", l, false), time.Hour)
	w.ok(w.order("b.example.com", l, false))
}

func TestWhatAnAuthorityAsksForIsKept(t *testing.T) {
	w := open(t)
	w.ok(w.Pause(t.Context(), "ca", "a.example.com", w.now.Add(2*time.Hour)))
	w.ok(w.Pause(t.Context(), "ca", "a.example.com", w.now.Add(time.Hour)))
	w.waits(w.order("a.example.com", Limits{}, true), 2*time.Hour)
	w.ok(w.order("b.example.com", Limits{}, false))
	w.ok(w.Order(t.Context(), "other ca", "a.example.com", Limits{}, false))
}

func TestTheBudgetSurvivesARestart(t *testing.T) {
	w := open(t)
	l := Limits{Duplicates: Limit{1, time.Hour}}
	w.ok(w.order("a.example.com", l, false))
	w.ok(w.Pause(t.Context(), "ca", "b.example.com", w.now.Add(time.Hour)))
	w.reopen()
	w.waits(w.order("a.example.com", l, false), time.Hour)
	w.waits(w.order("b.example.com", l, false), time.Hour)
	st, err := os.Stat(filepath.Join(w.dir, "csph", "budget.json"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v)", st.Mode(), err)
	}
}

func TestTheLedgerForgetsWhatNoLimitCounts(t *testing.T) {
	w := open(t)
	for range 50 {
		w.ok(w.order("a.example.com", Limits{}, false))
		w.now = w.now.Add(24 * time.Hour)
	}
	b, err := w.load(t.Context())
	if err != nil || len(b.Events) > 16 {
		t.Errorf("%d events are kept (%v)", len(b.Events), err)
	}
}

func TestOrdersAtTheSameTimeNeverExceedTheLimit(t *testing.T) {
	w := open(t)
	l := Limits{Orders: Limit{5, time.Hour}}
	var wg sync.WaitGroup
	granted := make(chan struct{}, 20)
	for i := range 20 {
		wg.Go(func() {
			if w.Order(t.Context(), "ca", fmt.Sprintf("a.example%d.com", i), l, false) == nil {
				granted <- struct{}{}
			}
		})
	}
	wg.Wait()
	if len(granted) != 5 {
		t.Errorf("%d orders were granted; want 5", len(granted))
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	w := open(t)
	w.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Order(ctx, "ca", "a.example.com", Limits{}, false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLetsEncryptsLimitsAreKeptWithAMargin(t *testing.T) {
	l := LetsEncrypt()
	for _, c := range []struct {
		name  string
		ours  Limit
		count int
		per   time.Duration
	}{
		{"orders", l.Orders, 300, 3 * time.Hour}, {"registered", l.Registered, 50, 168 * time.Hour},
		{"duplicates", l.Duplicates, 5, 168 * time.Hour}, {"failures", l.Failures, 5, time.Hour},
	} {
		if c.ours.Per != c.per || c.ours.Count >= c.count || c.ours.Count < c.count/2 {
			t.Errorf("%s: %+v against %d within %s", c.name, c.ours, c.count, c.per)
		}
	}
}
