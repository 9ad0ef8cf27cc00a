package router

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// The load of a target in one word: requests in flight, streams (websockets, SSE) above them, and
// whether the target was retired.
const (
	oneRequest = 1
	oneStream  = 1 << 31
	retiredBit = 1 << 62
	loadMask   = oneStream - 1
)

// The time a target that failed is set aside, doubled with each failure in a row.
const (
	asideFirst = time.Second
	asideMost  = 30 * time.Second
)

// target is one address that serves a service, from the Swap that brings it to the end of the last
// request after the Swap that replaces it.
type target struct {
	addr   netip.AddrPort
	text   []byte // addr, for the access log
	sticky string // name of the target in cookies
	load   atomic.Int64

	failures   atomic.Int32
	asideUntil atomic.Int64 // in the watch's time

	mu   sync.Mutex
	idle []*upstream // most recently used last
	busy []*upstream
	rpc  *http2.Transport // for gRPC; nil until it is needed

	// life ends when the target's requests are cut.
	life context.Context
	cut  context.CancelFunc

	quiet chan struct{} // closed when retired and without requests
	over  chan struct{} // closed when retired and without requests and streams
	ends  [2]sync.Once
	// onOver is called once, when over is closed.
	onOver func(*target)

	draining   sync.Once // of the streams
	streamsCut atomic.Int64
}

func newTarget(addr netip.AddrPort, onOver func(*target)) *target {
	t := &target{
		addr: addr, text: addr.AppendTo(nil), onOver: onOver,
		quiet: make(chan struct{}), over: make(chan struct{}),
	}
	t.life, t.cut = context.WithCancel(context.Background())
	return t
}

// acquire counts a request in. It reports false when the target was retired: the table has moved on.
func (t *target) acquire() bool {
	if t.load.Add(oneRequest)&retiredBit == 0 {
		return true
	}
	t.settle(t.load.Add(-oneRequest))
	return false
}

// release counts a request, or a stream, out.
func (t *target) release(stream bool) {
	if stream {
		t.settle(t.load.Add(-oneStream))
		return
	}
	t.settle(t.load.Add(-oneRequest))
}

// becomeStream turns a request into a stream.
func (t *target) becomeStream() { t.settle(t.load.Add(oneStream - oneRequest)) }

// settle tells those who wait for a retired target what the load has come down to.
func (t *target) settle(load int64) {
	if load&retiredBit == 0 {
		return
	}
	if load&loadMask == 0 {
		t.ends[0].Do(func() { close(t.quiet) })
	}
	if load == retiredBit {
		t.ends[1].Do(func() {
			t.closeIdle()
			close(t.over)
			t.cut()
			t.onOver(t)
		})
	}
}

// retire ends the target's share in new requests.
func (t *target) retire() {
	t.load.Or(retiredBit)
	t.closeIdle()
	t.settle(t.load.Load())
}

// inFlight returns the requests and the streams in flight.
func (t *target) inFlight() (requests, streams int) {
	load := t.load.Load() &^ retiredBit
	return int(load & loadMask), int(load / oneStream)
}

// weight is what the choice among targets goes by.
func (t *target) weight() int64 {
	load := t.load.Load()
	return load&loadMask + load/oneStream
}

// failed sets the target aside for a while that grows.
func (t *target) failed(now int64) {
	n := min(t.failures.Add(1)-1, 16)
	t.asideUntil.Store(now + int64(min(asideFirst<<n, asideMost)))
}

// answered ends what failed began.
func (t *target) answered() {
	if t.failures.Load() != 0 {
		t.failures.Store(0)
		t.asideUntil.Store(0)
	}
}

func (t *target) aside(now int64) bool { return t.asideUntil.Load() > now }

// take returns the most recently used idle connection, nil when there is none.
func (t *target) take() *upstream {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := len(t.idle); n > 0; n = len(t.idle) {
		u := t.idle[n-1]
		t.idle[n-1] = nil
		t.idle = t.idle[:n-1]
		if u.readBy.clear() {
			t.enter(u)
			return u
		}
	}
	return nil
}

// give keeps u for later requests, up to size; it reports false when u must be closed instead.
func (t *target) give(u *upstream, until int64, size int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exit(u)
	if len(t.idle) >= size || t.load.Load()&retiredBit != 0 {
		return false
	}
	u.readBy.set(until)
	t.idle = append(t.idle, u)
	return true
}

// join notes a new connection in use.
func (t *target) join(u *upstream) {
	t.mu.Lock()
	t.enter(u)
	t.mu.Unlock()
}

// leave forgets a connection that will be closed.
func (t *target) leave(u *upstream) {
	t.mu.Lock()
	t.exit(u)
	t.mu.Unlock()
}

// enter puts u among the busy ones. t.mu is held.
func (t *target) enter(u *upstream) {
	t.busy = append(t.busy, u)
	u.place = len(t.busy)
}

// exit takes u from the busy ones, if it is one. t.mu is held.
func (t *target) exit(u *upstream) {
	if u.place == 0 {
		return
	}
	end := len(t.busy) - 1
	last := t.busy[end]
	t.busy[u.place-1], last.place = last, u.place
	t.busy[end], u.place = nil, 0
	t.busy = t.busy[:end]
}

// dropIdle forgets u if it is idle, and reports whether it was.
func (t *target) dropIdle(u *upstream) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, x := range t.idle {
		if x == u {
			t.idle = append(t.idle[:i], t.idle[i+1:]...)
			return true
		}
	}
	return false
}

func (t *target) closeIdle() {
	t.mu.Lock()
	idle, rpc := t.idle, t.rpc
	t.idle = nil
	t.mu.Unlock()
	if rpc != nil {
		rpc.CloseIdleConnections()
	}
	for _, u := range idle {
		u.close()
	}
}

// connections returns those in use for streams, or for requests.
func (t *target) connections(stream bool) []*upstream {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []*upstream
	for _, u := range t.busy {
		if u.stream.Load() == stream {
			list = append(list, u)
		}
	}
	return list
}
