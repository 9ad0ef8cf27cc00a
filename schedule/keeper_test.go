package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"csph/platform"
	"csph/schedule"
	"csph/store"
)

// world is a keeper on real records, by a clock that runs as fast as nothing happens.
type world struct {
	*schedule.Keeper
	t    *testing.T
	path string
	db   *store.DB
	svc  platform.Service
	acts *actions
	stop func()
}

// inTime runs a test in a world whose time is its own.
func inTime(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, path: filepath.Join(t.TempDir(), "csph.db"), acts: &actions{}}
		w.open()
		if _, err := w.db.Bootstrap(t.Context(), func(string) error { return nil }); err != nil {
			t.Fatal(err)
		}
		accounts, err := w.db.Accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if w.svc, err = w.db.CreateService(t.Context(), accounts[0].ID, "jobs", platform.Service{Type: platform.Cron}); err != nil {
			t.Fatal(err)
		}
		defer func() { w.down() }()
		w.up()
		test(t, w)
	})
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.db, err = store.Open(w.t.Context(), w.path); err != nil {
		w.t.Fatal(err)
	}
}

// up runs a keeper, as csphd does at its start.
func (w *world) up() {
	ctx, cancel := context.WithCancel(context.Background())
	w.Keeper = schedule.NewKeeper(w.db, w.acts, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- w.Keeper.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
	synctest.Wait()
}

func (w *world) down() {
	w.stop()
	if err := w.db.Close(); err != nil {
		w.t.Error(err)
	}
}

// plan makes a schedule and tells the keeper.
func (w *world) plan(expression string, overlap platform.Overlap) platform.Timer {
	w.t.Helper()
	timing := parse(w.t, expression, "UTC")
	t, err := w.db.CreateTimer(w.t.Context(), platform.Timer{Service: w.svc.ID, Cron: expression, Zone: "UTC", Overlap: overlap, Next: timing.Next(time.Now())})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Wake()
	return t
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// runs lists what became of every run, oldest first, as "planned status".
func (w *world) runs() []string {
	w.t.Helper()
	all, err := w.db.Runs(w.t.Context(), w.svc.ID, "", "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	slices.SortStableFunc(all, func(a, b platform.Run) int { return a.Planned.Compare(b.Planned) })
	var text []string
	for _, r := range all {
		line := r.Planned.Format("15:04 ") + string(r.Status)
		if r.Missed > 0 {
			line += fmt.Sprint(" ", r.Missed)
		}
		text = append(text, line)
	}
	return text
}

func (w *world) expect(want ...string) {
	w.t.Helper()
	if got := w.runs(); !slices.Equal(got, want) {
		w.t.Errorf("runs are %q, want %q", got, want)
	}
}

// actions take as long as they are told.
type actions struct {
	mu         sync.Mutex
	takes      time.Duration
	fail       error
	deployment string // what a run makes
	begun      int
	most       int // that went on at once
	going      int
	over       []string // runs
}

func (a *actions) Carry(ctx context.Context, _ platform.Timer, r platform.Run, began func(platform.Run)) (platform.Run, error) {
	a.mu.Lock()
	a.begun++
	a.going++
	a.most = max(a.most, a.going)
	fail, takes, deployment := a.fail, a.takes, a.deployment
	a.mu.Unlock()
	defer func() { a.mu.Lock(); a.going--; a.mu.Unlock() }()
	if deployment != "" {
		r.Deployment = deployment
		began(r)
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return r, ctx.Err()
	}
	r.Status = platform.RunSucceeded
	return r, fail
}

func (a *actions) Await(_ context.Context, r platform.Run) (platform.Run, error) {
	r.Status, r.Message = platform.RunSucceeded, "awaited"
	return r, nil
}

func (a *actions) Over(_ context.Context, r platform.Run) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = append(a.over, r.ID)
}

func TestEveryPlannedTimeRunsOnce(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) { // time begins at midnight of 2000-01-01
		w.plan("0 * * * *", platform.OverlapSkip)
		pass(3*time.Hour + time.Minute)
		w.expect("01:00 succeeded", "02:00 succeeded", "03:00 succeeded")
		if w.acts.begun != 3 || len(w.acts.over) != 3 {
			t.Errorf("%d began, %d were over", w.acts.begun, len(w.acts.over))
		}
	})
}

func TestARunThatFailsSaysWhyAndTheNextOneComes(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.acts.fail = errors.New("no image yet")
		timer := w.plan("0 * * * *", platform.OverlapSkip)
		pass(2*time.Hour + time.Minute)
		w.expect("01:00 failed", "02:00 failed")
		runs, err := w.db.Runs(t.Context(), w.svc.ID, timer.ID, "", 1)
		if err != nil || runs[0].Message != "no image yet" || runs[0].Ended.IsZero() {
			t.Errorf("%+v, %v", runs, err)
		}
	})
}

func TestWhatOverlapsIsDealtWithAsThePolicySays(t *testing.T) {
	for overlap, want := range map[platform.Overlap][]string{
		platform.OverlapSkip:  {"00:10 succeeded", "00:20 skipped", "00:30 skipped", "00:40 running", "00:50 skipped"},
		platform.OverlapQueue: {"00:10 succeeded", "00:20 running", "00:30 skipped", "00:40 waiting", "00:50 skipped"},
		platform.OverlapAllow: {"00:10 succeeded", "00:20 succeeded", "00:30 running", "00:40 running", "00:50 running"},
	} {
		t.Run(string(overlap), func(t *testing.T) {
			inTime(t, func(t *testing.T, w *world) {
				w.acts.takes = 25 * time.Minute
				w.plan("*/10 * * * *", overlap)
				pass(51 * time.Minute)
				w.expect(want...)
				if most := map[platform.Overlap]int{platform.OverlapAllow: 3}[overlap]; w.acts.most > max(most, 1) {
					t.Errorf("%d went on at once", w.acts.most)
				}
			})
		})
	}
}

func TestRunsThatMayOverlapAreNotWithoutEnd(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.acts.takes = 24 * time.Hour
		w.plan("@every 1m", platform.OverlapAllow)
		pass(30 * time.Minute)
		if w.acts.most != 10 {
			t.Errorf("%d go on at once", w.acts.most)
		}
	})
}

func TestWhatWasMissedIsStatedAndNotMadeUpFor(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.plan("0 * * * *", platform.OverlapSkip)
		pass(time.Hour + time.Minute)
		w.stop()
		pass(5*time.Hour + 30*time.Minute) // 06:31
		w.up()
		w.expect("01:00 succeeded", "02:00 missed 5")
		pass(time.Hour)
		w.expect("01:00 succeeded", "02:00 missed 5", "07:00 succeeded")
	})
}

func TestWhatIsAMinuteLateStillRunsOnce(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.plan("*/10 * * * *", platform.OverlapSkip)
		w.stop()
		pass(30*time.Minute + 40*time.Second)
		w.up()
		w.expect("00:10 missed 2", "00:30 succeeded")
	})
}

func TestARunThatWasInterruptedIsNotRepeated(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.acts.takes = 5 * time.Minute
		w.plan("0 * * * *", platform.OverlapQueue)
		pass(time.Hour + time.Minute)
		w.expect("01:00 running")
		w.stop()
		w.expect("01:00 interrupted")
		w.up()
		pass(30 * time.Minute)
		w.expect("01:00 interrupted")
		if w.acts.begun != 1 {
			t.Errorf("%d runs began", w.acts.begun)
		}
	})
}

// A csphd that is killed writes nothing down: its records are those of the moment.
func TestAfterAKillARunIsInterruptedAndADeploymentIsWaitedFor(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		timer := w.plan("0 3 * * *", platform.OverlapSkip)
		for i, deployment := range []string{"", "dep_1"} {
			_, err := w.db.AddRun(t.Context(), platform.Run{Schedule: timer.ID, Service: w.svc.ID, Planned: time.Now().Add(time.Duration(i) * time.Minute), Status: platform.RunRunning, Deployment: deployment})
			if err != nil {
				t.Fatal(err)
			}
		}
		w.stop()
		w.up()
		w.expect("00:00 interrupted", "00:01 succeeded")
	})
}

func TestADeploymentThatGoesOnWithoutCsphdStaysOpen(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.acts.takes, w.acts.deployment = time.Hour, "dep_1"
		w.plan("0 3 * * *", platform.OverlapSkip)
		pass(3*time.Hour + time.Minute)
		w.stop()
		w.expect("03:00 running")
		w.up()
		w.expect("03:00 succeeded")
	})
}

func TestARunNowObeysTheOverlapPolicyAndChangesNothingPlanned(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.acts.takes = 10 * time.Minute
		timer := w.plan("0 * * * *", platform.OverlapSkip)
		pass(30 * time.Minute)
		r, err := w.Now(t.Context(), timer)
		if err != nil || !r.Manual || r.ID == "" {
			t.Fatalf("%+v, %v", r, err)
		}
		if _, err := w.Now(t.Context(), timer); !errors.Is(err, platform.ErrConflict) {
			t.Errorf("another one: %v", err)
		}
		pass(41 * time.Minute)
		w.expect("00:30 succeeded", "01:00 succeeded")
	})
}

func TestTheClockThatChangesMakesNoRunTwice(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		berlin := parse(t, "30 2 * * *", "Europe/Berlin")
		w.stop() // which would look at the records twice a minute all year
		pass(time.Until(time.Date(2000, 10, 29, 0, 0, 0, 0, time.UTC)))
		w.up() // at 01:00 UTC the clock is put back from 03:00 to 02:00
		_, err := w.db.CreateTimer(t.Context(), platform.Timer{Service: w.svc.ID, Cron: "30 2 * * *", Zone: "Europe/Berlin", Next: berlin.Next(time.Now())})
		if err != nil {
			t.Fatal(err)
		}
		w.Wake()
		pass(3 * time.Hour)
		w.expect("00:30 succeeded") // UTC; 01:30 is 02:30 once more
	})
}

func TestAScheduleThatCannotBeFollowedHoldsUpNoOther(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		_, err := w.db.CreateTimer(t.Context(), platform.Timer{Service: w.svc.ID, Cron: "of a newer csph", Next: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		w.plan("0 * * * *", platform.OverlapSkip)
		pass(time.Hour + time.Minute)
		w.expect("01:00 succeeded")
	})
}
