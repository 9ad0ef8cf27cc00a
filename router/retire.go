package router

import (
	"context"
	"sync/atomic"
	"time"
)

// retirement is how far a Router has gone that gives its place to another.
type retirement struct{ phase atomic.Int32 }

const (
	serving    = iota
	retiring   // each connection's next answer is its last
	unanswered // a connection that waits for a request has waited in vain
)

func (p *retirement) began() bool    { return p.phase.Load() >= retiring }
func (p *retirement) tooLate() bool  { return p.phase.Load() >= unanswered }
func (p *retirement) enter(to int32) { p.phase.Store(to) }

// parting is how long the last streams have for their goodbye.
const parting = 5 * time.Second

// Retire ends a Router whose listeners have gone over to another: Serve must have returned. Connections
// that wait for a request may carry one more, for Limits.LastRequest at most, so that no request meets a
// connection that is being closed; those of HTTP/2 and HTTP/3 are told after a moment. Requests and streams then have
// Limits.StreamDrain to end; what is left is ended as by Shutdown. Swap, Install and Drain keep working
// until then. It blocks until all that is done; when ctx ends first the rest is cut and the error is
// ctx's. It takes the place of Shutdown.
func (r *Router) Retire(ctx context.Context) error {
	r.retirement.enter(retiring)
	select { // clients that have just come have their first request on its way, and not all of them send it again
	case <-time.After(min(goAwayGrace, r.limits.LastRequest)):
	case <-ctx.Done():
	}
	r.tellUntil(ctx, nil, r.limits.LastRequest)
	r.retirement.enter(unanswered)
	for _, m := range r.clients.close() {
		m.stopIdle()
	}
	r.tellUntil(ctx, r.clients.empty, r.limits.StreamDrain)
	ctx, cancel := context.WithTimeout(ctx, r.limits.StreamSpread+parting)
	defer cancel()
	return r.Shutdown(ctx)
}

// tellUntil tells connections of HTTP/2 to end, for d, or until done is closed or ctx ends. It goes on
// telling them, since one may have been accepted last of all and be shaking hands still.
func (r *Router) tellUntil(ctx context.Context, done <-chan struct{}, d time.Duration) {
	timer, again := time.NewTimer(d), time.NewTicker(tick)
	defer timer.Stop()
	defer again.Stop()
	for {
		r.multiplex.goAway()
		select {
		case <-again.C:
		case <-timer.C:
			return
		case <-done:
			return
		case <-ctx.Done():
			return
		}
	}
}
