package schedule

import (
	"context"
	"slices"
	"time"

	"csph/platform"
)

// line is the runs of one schedule that are not over.
type line struct {
	going int
	queue []*place
}

// place is the place of one run in its line. A nil one is none.
type place struct {
	keeper   *Keeper
	schedule string
	status   platform.RunStatus // as it was entered: running, waiting or skipped
	turn     chan struct{}      // closed when it is the run's turn
	left     bool
}

// enter finds a run of t its place, as the overlap policy says.
func (k *Keeper) enter(t platform.Timer) *place {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.lines[t.ID]
	if l == nil {
		l = &line{}
		k.lines[t.ID] = l
	}
	p := &place{keeper: k, schedule: t.ID, turn: make(chan struct{})}
	switch {
	case l.going == 0, t.Overlap == platform.OverlapAllow && l.going < mostAtOnce:
		l.going++
		p.status = platform.RunRunning
		close(p.turn)
	case t.Overlap == platform.OverlapQueue && len(l.queue) == 0:
		l.queue = append(l.queue, p)
		p.status = platform.RunWaiting
	default:
		p.status, p.left = platform.RunSkipped, true
	}
	return p
}

// run is r as it is stored in this place.
func (p *place) run(r platform.Run, now time.Time) platform.Run {
	r.Status = p.status
	switch p.status {
	case platform.RunRunning:
		r.Started = now
	case platform.RunSkipped:
		r.Ended, r.Message = now, "the run before was still going on"
	}
	return r
}

// await blocks until it is the run's turn; false when ctx ends first.
func (p *place) await(ctx context.Context) bool {
	select {
	case <-p.turn:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// leave gives the place up; whoever waits for it is next.
func (p *place) leave() {
	if p == nil {
		return
	}
	p.keeper.mu.Lock()
	defer p.keeper.mu.Unlock()
	if p.left {
		return
	}
	p.left = true
	l := p.keeper.lines[p.schedule]
	if i := slices.Index(l.queue, p); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		return
	}
	l.going--
	if len(l.queue) > 0 {
		l.going++
		close(l.queue[0].turn)
		l.queue = l.queue[1:]
	}
	if l.going == 0 {
		delete(p.keeper.lines, p.schedule)
	}
}
