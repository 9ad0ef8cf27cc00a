package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"csph/platform"
)

// How a Keeper goes about it.
const (
	// Late is how long after its time a run still begins. What csphd was away for longer is recorded as missed.
	Late = time.Minute
	// longestSleep bounds how late a clock that was put on is noticed.
	longestSleep = 30 * time.Second
	// mostAtOnce is how many runs of one schedule go on at once where they may overlap.
	mostAtOnce = 10
	writeTime  = 15 * time.Second
	retryAfter = 5 * time.Second // when the records cannot be read
)

// Keeper sees to it that what is planned happens, each time once. Its methods may be called from any goroutine.
type Keeper struct {
	records Records
	actions Actions
	log     *slog.Logger
	woken   chan struct{} // capacity 1

	mu    sync.Mutex
	ctx   context.Context // of Run; nil before and after
	lines map[string]*line
	going sync.WaitGroup
}

// NewKeeper returns a keeper that does nothing before Run.
func NewKeeper(records Records, actions Actions, log *slog.Logger) *Keeper {
	return &Keeper{records: records, actions: actions, log: log, woken: make(chan struct{}, 1), lines: map[string]*line{}}
}

// Wake makes the keeper look at the schedules anew: one was added or changed.
func (k *Keeper) Wake() {
	select {
	case k.woken <- struct{}{}:
	default:
	}
}

// Run keeps the schedules until ctx ends, then interrupts what goes on and returns when that has ended. First it settles
// what an earlier csphd has left: its deployments are waited for, its commands were interrupted.
func (k *Keeper) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	k.set(ctx)
	defer func() {
		k.set(nil)
		cancel()
		k.going.Wait()
	}()
	if err := k.settle(ctx); err != nil {
		return err
	}
	for {
		timer := time.NewTimer(k.round(ctx))
		select {
		case <-timer.C:
		case <-k.woken:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

func (k *Keeper) set(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ctx = ctx
}

// settle takes up the runs that are open since before.
func (k *Keeper) settle(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	open, err := k.records.OpenRuns(bounded)
	if err != nil {
		return fmt.Errorf("read the runs of schedules that are open: %w", err)
	}
	for _, r := range open {
		if r.Deployment == "" {
			r.Message = "csphd was stopped meanwhile"
			k.end(ctx, r, platform.RunInterrupted)
			continue
		}
		k.going.Go(func() {
			after, err := k.actions.Await(ctx, r)
			k.conclude(ctx, after, err)
		})
	}
	return nil
}

// round takes on what is due, and returns how long to sleep.
func (k *Keeper) round(ctx context.Context) time.Duration {
	next, err := k.takeDue(ctx)
	if err != nil {
		if ctx.Err() == nil {
			k.log.Warn("schedules cannot be kept; trying again", "err", err)
		}
		return retryAfter
	}
	if next.IsZero() {
		return longestSleep
	}
	return min(max(0, time.Until(next)), longestSleep)
}

func (k *Keeper) takeDue(ctx context.Context) (next time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	due, err := k.records.DueTimers(ctx, time.Now())
	if err != nil {
		return next, err
	}
	for _, t := range due {
		if failed := k.take(ctx, t, time.Now()); failed != nil { // the others are kept all the same
			err = errors.Join(err, fmt.Errorf("take on schedule %s: %w", t.ID, failed))
		}
	}
	next, failed := k.records.NextTimer(ctx)
	return next, errors.Join(err, failed)
}

// take claims the planned times of a schedule that have come, and sets the last of them going if it is not too late.
func (k *Keeper) take(ctx context.Context, t platform.Timer, now time.Time) error {
	timing, err := Parse(t.Cron, t.Zone)
	if err != nil {
		return err
	}
	count, last := timing.Passed(t.Next, now)
	var runs []platform.Run
	begins := now.Sub(last) <= Late
	if begins {
		count--
	}
	if count > 0 {
		runs = append(runs, platform.Run{Planned: t.Next, Ended: now, Status: platform.RunMissed, Missed: count, Message: "csphd did not run at that time"})
	}
	var own *place
	if begins {
		own = k.enter(t)
		runs = append(runs, own.run(platform.Run{Planned: last}, now))
	}
	stored, claimed, err := k.records.ClaimRuns(ctx, t, timing.Next(now), runs...)
	if err != nil || !claimed {
		own.leave()
		return err
	}
	for _, r := range stored {
		if r.Status.Over() {
			k.actions.Over(ctx, r)
			continue
		}
		k.start(t, r, own)
	}
	return nil
}

// start carries a run out beside the others once it is its turn. own is its place, which it leaves at the end.
func (k *Keeper) start(t platform.Timer, r platform.Run, own *place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx := k.ctx
	if ctx == nil {
		return // the next csphd settles it
	}
	k.going.Go(func() {
		defer own.leave()
		if own.await(ctx) {
			k.carry(ctx, t, r)
		}
	})
}

// carry carries a run out.
func (k *Keeper) carry(ctx context.Context, t platform.Timer, r platform.Run) {
	r.Status, r.Started = platform.RunRunning, time.Now()
	k.write(ctx, r)
	after, err := k.actions.Carry(ctx, t, r, func(begun platform.Run) { k.write(ctx, begun) })
	k.conclude(ctx, after, err)
}

// conclude writes down how a run has ended. A deployment goes on without csphd: the next one waits for it.
func (k *Keeper) conclude(ctx context.Context, r platform.Run, err error) {
	switch {
	case ctx.Err() != nil && r.Deployment != "":
	case ctx.Err() != nil:
		r.Message = "csphd was stopped meanwhile"
		k.end(ctx, r, platform.RunInterrupted)
	case err != nil:
		r.Message = err.Error()
		k.end(ctx, r, platform.RunFailed)
	default:
		k.end(ctx, r, r.Status)
	}
}

func (k *Keeper) end(ctx context.Context, r platform.Run, status platform.RunStatus) {
	r.Status, r.Ended = status, time.Now()
	k.write(ctx, r)
	k.actions.Over(context.WithoutCancel(ctx), r)
}

func (k *Keeper) write(ctx context.Context, r platform.Run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	if err := k.records.UpdateRun(ctx, r); err != nil {
		k.log.Error("what became of a run is not recorded", "run", r.ID, "status", r.Status, "err", err)
	}
}

// Now begins a run of t that is not planned, and returns it. The overlap policy holds for it too: ErrConflict where it
// would be left out.
func (k *Keeper) Now(ctx context.Context, t platform.Timer) (platform.Run, error) {
	now := time.Now()
	own := k.enter(t)
	r := own.run(platform.Run{Schedule: t.ID, Service: t.Service, Planned: now, Manual: true}, now)
	if r.Status.Over() {
		return r, fmt.Errorf("%w: %s", platform.ErrConflict, r.Message)
	}
	r, err := k.records.AddRun(ctx, r)
	if err != nil {
		own.leave()
		return r, err
	}
	k.start(t, r, own)
	return r, nil
}
