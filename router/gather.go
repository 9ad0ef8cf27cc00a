package router

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// gather is a connection of TLS whose writes are collected and leave together, by a goroutine of its own.
// HTTP/2 writes each frame by itself, from a goroutine with a new stack: what several streams have to say at
// the same time then takes one record, one system call and no growing of stacks. A write that returned may
// fail later; the next one tells. How the connection is led to its end is its departure.
type gather struct {
	*tls.Conn
	storage *storage
	timeout time.Duration

	mu      sync.Mutex
	change  sync.Cond // of what follows
	waiting []byte    // to be written, from storage; nil when nothing is
	closed  bool
	err     error
	done    chan struct{} // closed when the goroutine has ended

	departure
}

// newGather takes conn over; Close must be called. A connection that takes nothing for timeout is cut.
func newGather(conn *tls.Conn, st *storage, timeout time.Duration) *gather {
	g := &gather{Conn: conn, storage: st, timeout: timeout, done: make(chan struct{})}
	g.change.L = &g.mu
	g.departure.init()
	go g.run()
	return g
}

// Write adds p to what waits; it blocks while that is a lot.
func (g *gather) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.err == nil && len(g.waiting) > 0 && len(g.waiting)+len(p) > bulkStorage {
		g.change.Wait()
	}
	switch {
	case g.err != nil:
		return 0, g.err
	case g.closed:
		return 0, net.ErrClosed
	}
	g.add(p)
	return len(p), nil
}

// next waits for something to write; nil means that nothing follows.
func (g *gather) next() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) == 0 && !g.closed {
		g.change.Wait()
	}
	b := g.waiting
	g.waiting = nil
	g.change.Broadcast()
	return b
}

func (g *gather) run() {
	defer close(g.done)
	for b := g.next(); b != nil; b = g.next() {
		err := g.write(b)
		g.storage.give(b)
		if err != nil {
			g.fail(err)
			return
		}
	}
}

// write writes b in pieces of one record, each of which has the timeout for it.
func (g *gather) write(b []byte) error {
	const record = 16 << 10
	for len(b) > 0 {
		if err := g.limit(g.timeout); err != nil {
			return err
		}
		n, err := g.Conn.Write(b[:min(len(b), record)])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// limit gives the next write so much time, less when the connection is to be closed.
func (g *gather) limit(d time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil // Close has set it
	}
	return g.SetWriteDeadline(time.Now().Add(d))
}

// fail tells the writer, and whoever reads, since there may be no further write.
func (g *gather) fail(err error) {
	_ = g.NetConn().Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
	g.change.Broadcast()
}

// Close has what waits written, for partingTime at most, and closes the connection.
func (g *gather) Close() error {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		_ = g.SetWriteDeadline(time.Now().Add(partingTime))
		g.change.Broadcast()
	}
	g.mu.Unlock()
	<-g.done
	return g.Conn.Close()
}
