package router

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestARetiredTargetTakesNoRequestAndEndsWithItsLast(t *testing.T) {
	over := 0
	x := newTarget(netip.MustParseAddrPort("127.0.0.1:1"), func(*target) { over++ })
	if !x.acquire() || !x.acquire() {
		t.Fatal("a target in the table took no request")
	}
	x.becomeStream()
	x.retire()
	if x.acquire() {
		t.Error("a retired target took a request")
	}
	if requests, streams := x.inFlight(); requests != 1 || streams != 1 {
		t.Errorf("%d requests, %d streams", requests, streams)
	}
	if ended(x.quiet) {
		t.Error("it is quiet with a request in flight")
	}
	x.release(false)
	if !ended(x.quiet) || ended(x.over) {
		t.Errorf("quiet %t, over %t with a stream left", ended(x.quiet), ended(x.over))
	}
	x.release(true)
	if !ended(x.over) || x.acquire() || over != 1 {
		t.Errorf("over %t, told %d times", ended(x.over), over)
	}
}

func TestARetiredTargetIsToldOfExactlyOnceWhateverTheTiming(t *testing.T) {
	for range 200 {
		var mu sync.Mutex
		over := 0
		x := newTarget(netip.MustParseAddrPort("127.0.0.1:1"), func(*target) { mu.Lock(); over++; mu.Unlock() })
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if x.acquire() {
					if i%2 == 0 {
						x.becomeStream()
					}
					x.release(i%2 == 0)
				}
			})
		}
		all.Go(x.retire)
		all.Wait()
		if !ended(x.quiet) || !ended(x.over) || over != 1 {
			t.Fatalf("quiet %t, over %t, told %d times", ended(x.quiet), ended(x.over), over)
		}
	}
}

func TestTheLeastLoadedTargetIsChosen(t *testing.T) {
	r := &route{}
	for i := range 40 {
		x := newTarget(netip.AddrPortFrom(netip.IPv6Loopback(), uint16(i+1)), func(*target) {})
		x.load.Store(int64(i % 5))
		r.targets = append(r.targets, x)
	}
	few := &route{targets: r.targets[:5]}
	for range 100 {
		if x := few.pick(1, nil); x.weight() != 0 {
			t.Fatalf("of five, one with %d requests was chosen", x.weight())
		}
		if x := few.pick(1, []*target{few.targets[0]}); x.weight() != 1 {
			t.Fatalf("of the other four, one with %d requests was chosen", x.weight())
		}
		if x := r.pick(1, nil); x.weight() != 0 {
			t.Fatalf("of forty, one with %d requests was chosen", x.weight())
		}
	}
	for _, x := range r.targets[1:] {
		x.failed(1)
	}
	for range 100 {
		if x := r.pick(1, nil); x != r.targets[0] {
			t.Fatal("a target that is set aside was chosen before one that is not")
		}
		if x := r.pick(1, []*target{r.targets[0]}); x == nil {
			t.Fatal("with all set aside none was chosen")
		}
	}
	if x := few.pick(1, few.targets); x != nil {
		t.Error("a target that had failed the request was chosen again")
	}
}

func TestTheTimeSetAsideGrowsAndEndsWithAnAnswer(t *testing.T) {
	x := newTarget(netip.MustParseAddrPort("127.0.0.1:1"), func(*target) {})
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, asideMost, asideMost} {
		x.failed(0)
		if got := time.Duration(x.asideUntil.Load()); got != want {
			t.Errorf("after %d failures: %s, want %s", i+1, got, want)
		}
	}
	x.answered()
	if x.aside(1) {
		t.Error("it is set aside after an answer")
	}
	x.failed(0)
	if got := time.Duration(x.asideUntil.Load()); got != time.Second {
		t.Errorf("after an answer and a failure: %s", got)
	}
}

func TestUnusedConnectionsToATargetAreBoundedAndClosedInTime(t *testing.T) {
	b := start(t, Config{Limits: Limits{PoolTimeout: 50 * time.Millisecond, PoolSize: 2}})
	closed, held := make(chan struct{}, 10), make(chan struct{})
	b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		<-held
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		_, _ = r.ReadByte()
		closed <- struct{}{}
	}))
	var all []*wire
	for range 4 {
		w := b.dial()
		w.send(request11())
		all = append(all, w)
	}
	x := b.table.Load().allTargets()[0]
	eventually(t, "four requests are in flight", func() bool { n, _ := x.inFlight(); return n == 4 })
	close(held)
	for _, w := range all {
		w.receive("GET")
	}
	for range 4 {
		select {
		case <-closed:
		case <-time.After(patience):
			t.Fatal("a connection stays open")
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.idle) != 0 || len(x.busy) != 0 {
		t.Errorf("%d idle, %d busy", len(x.idle), len(x.busy))
	}
}

func TestConnectionsInUseAreKnownInWhateverOrderTheyComeAndGo(t *testing.T) {
	x := newTarget(netip.MustParseAddrPort("127.0.0.1:1"), func(*target) {})
	inUse := map[*upstream]bool{}
	for range 1000 {
		u := &upstream{target: x}
		for some := range inUse { // any of them, or none
			if rand.IntN(2) == 0 {
				u = some
			}
			break
		}
		if inUse[u] {
			x.leave(u)
			x.leave(u) // as one that was cut and then closed
			delete(inUse, u)
		} else {
			x.join(u)
			inUse[u] = true
		}
		known := x.connections(false)
		if len(known) != len(inUse) || slices.ContainsFunc(known, func(u *upstream) bool { return !inUse[u] }) {
			t.Fatalf("%d are in use, and %d known", len(inUse), len(known))
		}
	}
}
