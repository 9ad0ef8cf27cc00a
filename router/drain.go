package router

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// Drain blocks until no ordinary request is in flight to targets that were replaced, or the deadline;
// then it closes the connections of those that remain, and returns how many it cut. Streams
// (websockets and other upgrades, server-sent events) go on: they have Limits.StreamDrain from now,
// and are then closed in jittered waves by the router itself; DrainStreams waits for that. Targets
// that serve in the present table are left alone. When ctx ends first, nothing is cut and the error is ctx's.
func (r *Router) Drain(ctx context.Context, targets []netip.AddrPort, deadline time.Duration) (cut int, err error) {
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	list := r.retiredAt(targets)
	for _, t := range list {
		t.draining.Do(func() { r.streams.Go(func() { r.drainStreams(t) }) })
	}
	late := false
	for _, t := range list {
		if !late {
			if late, err = waitQuiet(ctx, t, timer.C); err != nil {
				return cut, err
			}
		}
		if late {
			cut += t.cutRequests()
		}
	}
	return cut, nil
}

// waitQuiet waits for t to have no request in flight; late means that the deadline came first.
func waitQuiet(ctx context.Context, t *target, deadline <-chan time.Time) (late bool, err error) {
	select {
	case <-t.quiet:
		return false, nil
	default:
	}
	select {
	case <-t.quiet:
		return false, nil
	case <-deadline:
		return true, nil
	case <-ctx.Done():
		return false, fmt.Errorf("drain %s: %w", t.addr, ctx.Err())
	}
}

// DrainStreams blocks until targets that were replaced and drained have no stream left either, and
// returns how many had to be closed. That takes up to Limits.StreamDrain and Limits.StreamSpread.
func (r *Router) DrainStreams(ctx context.Context, targets []netip.AddrPort) (cut int, err error) {
	list := r.retiredAt(targets)
	for _, t := range list {
		t.draining.Do(func() { r.streams.Go(func() { r.drainStreams(t) }) })
	}
	for _, t := range list {
		select {
		case <-t.over:
			cut += int(t.streamsCut.Load())
		case <-ctx.Done():
			return cut, fmt.Errorf("drain the streams of %s: %w", t.addr, ctx.Err())
		}
	}
	return cut, nil
}

// retiredAt returns the retired targets at the addresses.
func (r *Router) retiredAt(addrs []netip.AddrPort) []*target {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*target
	for _, a := range addrs {
		list = append(list, r.retired[a]...)
	}
	return list
}

// cutRequests closes the connections of all requests in flight, and returns how many there were.
func (t *target) cutRequests() int {
	n, _ := t.inFlight()
	if n == 0 {
		return 0
	}
	t.cut()
	for _, u := range t.connections(false) {
		u.end()
	}
	return n
}

// drainStreams gives the streams of t their time, then closes what is left of them, evenly over the spread.
func (r *Router) drainStreams(t *target) {
	if !r.pause(t, r.limits.StreamDrain) {
		return
	}
	r.endInWaves(t.connections(true), func(d time.Duration) bool { return r.pause(t, d) }, func(u *upstream) {
		t.streamsCut.Add(1)
		u.end()
	})
}

// endInWaves calls end for streams in random order, evenly over Limits.StreamSpread and jittered, so that their
// clients do not come back all at once. Each has a time of its own: of many, those whose time came during
// a wait make a wave, and no wait adds to the others. It ends, and reports false, as soon as wait does.
func (r *Router) endInWaves(all []*upstream, wait func(time.Duration) bool, end func(*upstream)) bool {
	rand.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	began, step := time.Now(), r.limits.StreamSpread/time.Duration(max(len(all), 1))
	for i, u := range all {
		due := step*time.Duration(i) - step/2 + rand.N(step+1)
		if left := due - time.Since(began); i > 0 && left > 0 && !wait(left) {
			return false
		}
		end(u)
	}
	return true
}

// leave tells the clients of all connections, and then of all streams, that the router stops, until
// none is left or ctx ends; what is left then is Shutdown's. It goes on looking, since a connection may
// have begun, or become a stream, in the meantime.
func (r *Router) leave(ctx context.Context) {
	r.multiplex.goAway()
	for r.endStreams(ctx) {
	}
}

// endStreams closes the streams of all targets, evenly over the spread, and reports whether any client
// is left after that.
func (r *Router) endStreams(ctx context.Context) bool {
	var left []*upstream
	for _, t := range r.everyTarget() {
		left = append(left, t.connections(true)...)
	}
	left = slices.DeleteFunc(left, func(u *upstream) bool { return u.cut.Load() }) // told already
	wait := func(d time.Duration) bool { return r.await(ctx, d) }
	return r.endInWaves(left, wait, (*upstream).end) && wait(tick)
}

// await waits for d; it reports false when no client is left, or ctx ends, before that.
func (r *Router) await(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.clients.empty:
	case <-ctx.Done():
	}
	return false
}

// everyTarget returns all targets, serving or retired.
func (r *Router) everyTarget() []*target {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.table.Load().allTargets()
	for _, list := range r.retired {
		all = append(all, list...)
	}
	return all
}

// pause waits for d; it reports false when t is over, or the router stops, before that.
func (r *Router) pause(t *target, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.over:
	case <-r.life.Done():
	}
	return false
}
