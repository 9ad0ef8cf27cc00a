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
// connection that is being closed; clients of HTTP/2 and HTTP/3 are told to go, as by Shutdown. Requests and streams
// then have Limits.StreamDrain to end; what is left is ended as by Shutdown. Swap, Install and Drain keep working
// until then. It blocks until all that is done; when ctx ends first the rest is cut and the error is
// ctx's. It takes the place of Shutdown.
func (r *Router) Retire(ctx context.Context) error {
	r.retirement.enter(retiring)
	r.multiplex.goAway()
	pause(ctx, nil, r.limits.LastRequest)
	r.retirement.enter(unanswered)
	for _, m := range r.clients.close() {
		m.stopIdle()
	}
	pause(ctx, r.clients.empty, r.limits.StreamDrain)
	ctx, cancel := context.WithTimeout(ctx, r.limits.StreamSpread+parting)
	defer cancel()
	return r.Shutdown(ctx)
}

// pause waits for d, or until done is closed or ctx ends.
func pause(ctx context.Context, done <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	case <-ctx.Done():
	}
}
