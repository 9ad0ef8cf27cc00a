package gitd

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// gate counts connections and lets in only so many.
type gate struct {
	perAddress, total int

	mu     sync.Mutex
	closed bool
	inside map[*guest]struct{}
	from   map[netip.Prefix]int
	spares map[string]struct{} // fingerprints of keys that are not known, of clients that have another one
}

func newGate(perAddress, total int) *gate {
	return &gate{
		perAddress: perAddress, total: total,
		inside: make(map[*guest]struct{}), from: make(map[netip.Prefix]int), spares: make(map[string]struct{}),
	}
}

// guest is a connection that was let in. It is closed when it is not authenticated within the
// handshake time, or when it then stays without a session for the idle time.
type guest struct {
	net.Conn
	gate  *gate
	from  netip.Prefix
	idle  time.Duration
	leave sync.Once

	known atomic.Bool // authenticated

	banner  func(string) error // shows the client a text while it logs in
	advised bool               // of a key that is not known

	mu       sync.Mutex
	timer    *time.Timer
	sessions int
	closing  bool     // no further session
	offered  []string // fingerprints of the keys that are not known
}

// admit lets conn in, or not.
func (g *gate) admit(conn net.Conn, handshake, idle time.Duration) (*guest, bool) {
	v := &guest{Conn: conn, gate: g, from: origin(conn), idle: idle}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.inside) >= g.total || g.from[v.from] >= g.perAddress {
		return nil, false
	}
	g.inside[v] = struct{}{}
	g.from[v.from]++
	v.timer = time.AfterFunc(handshake, func() { v.Close() })
	return v, true
}

// origin is the address a connection counts for: one for IPv4, a /64 for IPv6, whose owner has all of it.
func origin(conn net.Conn) netip.Prefix {
	remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}
	}
	addr := remote.Addr().Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits)
	return prefix
}

// close lets nobody in any more, and sends those away that have no session.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	guests := g.list()
	g.mu.Unlock()
	for _, v := range guests {
		v.closeWhenIdle()
	}
}

// closeAll cuts every connection.
func (g *gate) closeAll() {
	g.mu.Lock()
	guests := g.list()
	g.mu.Unlock()
	for _, v := range guests {
		v.Close()
	}
}

func (g *gate) list() []*guest {
	guests := make([]*guest, 0, len(g.inside))
	for v := range g.inside {
		guests = append(guests, v)
	}
	return guests
}

// Read reads from the connection; nothing of the handshake waits for a delayed acknowledgement.
func (v *guest) Read(p []byte) (int, error) {
	if !v.known.Load() {
		acknowledgeAtOnce(v.Conn)
	}
	return v.Conn.Read(p)
}

// Close ends the connection and makes room for another.
func (v *guest) Close() error {
	v.leave.Do(func() {
		g := v.gate
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.inside, v)
		if g.from[v.from]--; g.from[v.from] == 0 {
			delete(g.from, v.from)
		}
	})
	return v.Conn.Close()
}

func (v *guest) closeWhenIdle() {
	v.mu.Lock()
	v.closing = true
	idle := v.sessions == 0
	v.mu.Unlock()
	if idle {
		v.Close()
	}
}

// offer remembers a key that is not known.
func (v *guest) offer(fingerprint string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.offered) < maxAuthTries && !slices.Contains(v.offered, fingerprint) {
		v.offered = append(v.offered, fingerprint)
	}
}

// stranger lists the keys that a connection offered that never was authenticated.
func (v *guest) stranger() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known.Load() {
		return nil
	}
	return v.offered
}

// authenticated ends the time for the handshake.
func (v *guest) authenticated() {
	v.known.Store(true)
	v.mu.Lock()
	v.timer.Reset(v.idle)
	others := v.offered
	v.mu.Unlock()
	v.gate.spare(others)
}

// maxSessions is how many sessions one connection may have at a time, as in OpenSSH.
const maxSessions = 10

// enter begins a session, unless there are too many.
func (v *guest) enter() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closing || v.sessions >= maxSessions {
		return false
	}
	v.sessions++
	v.timer.Stop()
	return true
}

// exit ends a session.
func (v *guest) exit() {
	v.mu.Lock()
	v.sessions--
	last := v.sessions == 0
	if last {
		v.timer.Reset(v.idle)
	}
	closing := last && v.closing
	v.mu.Unlock()
	if closing {
		v.Close()
	}
}
