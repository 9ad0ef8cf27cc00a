package udp

import (
	"errors"
	"maps"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"
)

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// Port is a UDP port and what else its quic.Transport needs. It has what quic-go looks for in order to read
// in batches, with the packets' ECN bits and addresses, and to send many packets with one call. Methods may
// be called from any goroutine, ReadBatch from one at a time.
type Port struct {
	*net.UDPConn
	address string // that it was asked for by
	self    generation
	key     quic.TokenGeneratorKey
	reset   *quic.StatelessResetKey
	batches *ipv4.PacketConn

	older  atomic.Pointer[map[generation]*link] // those that may have connections; changed by the reader alone
	source source                               // of the reader

	mu       sync.Mutex
	before   *link         // to the process that has the socket still; nil: this one may read
	heir     *link         // to a process that may take the socket; nil: there is none
	yielding chan struct{} // closed once the reader has heeded Yield; nil: it was not called
	yielded  bool          // the heir has the socket
	ending   bool          // reading is to end
	closed   bool
}

// source is where a Port gets packets from.
type source uint8

const (
	fromSocket source = iota
	fromNobody        // the process before has the socket
	fromHeir          // the process after has it
)

func newPort(conn *net.UDPConn, address string, self generation, key quic.TokenGeneratorKey, reset *quic.StatelessResetKey) *Port {
	p := &Port{UDPConn: conn, address: address, self: self, key: key, reset: reset, batches: ipv4.NewPacketConn(conn)}
	p.older.Store(&map[generation]*link{})
	return p
}

// Transport returns a QUIC transport over the port, which can have one.
func (p *Port) Transport() *quic.Transport {
	return &quic.Transport{Conn: p, ConnectionIDGenerator: p.self, TokenGeneratorKey: &p.key, StatelessResetKey: p.reset}
}

// ReadBatch waits for packets. Those for connections of older generations were forwarded, and have a length of
// zero in what it returns. After an error it must not be called again.
func (p *Port) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	for {
		n, err := p.read(ms, flags)
		if n > 0 {
			p.forward(ms[:n])
			return n, nil
		}
		if err := p.goOn(err); err != nil {
			return 0, err
		}
	}
}

func (p *Port) read(ms []ipv4.Message, flags int) (int, error) {
	switch p.source {
	case fromNobody:
		_, err := p.before.expect(kindYours)
		return 0, err
	case fromHeir:
		return p.heir.readBatch(ms)
	}
	return p.batches.ReadBatch(ms, flags)
}

// goOn decides where packets come from after a read without any. The error is the end of reading.
func (p *Port) goOn(err error) error {
	p.mu.Lock()
	yielding, ending := p.yielding, p.ending
	p.mu.Unlock()
	overdue := errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case ending:
		return os.ErrDeadlineExceeded
	case p.source != fromSocket: // the one before says that it has stopped, or is gone; or the one after is gone
		p.source = fromSocket
	case overdue && yielding != nil:
		return p.handOver(yielding)
	default:
		return err
	}
	return nil
}

// forward sends on what is for others.
func (p *Port) forward(ms []ipv4.Message) {
	older := *p.older.Load()
	if len(older) == 0 {
		return
	}
	for i := range ms {
		g, ok := addressee(ms[i].Buffers[0][:ms[i].N])
		if !ok || g == p.self {
			continue
		}
		if l := older[g]; l != nil {
			if l.forward(&ms[i]) != nil {
				p.forget(g)
				older = *p.older.Load()
			}
			ms[i].N = 0
		}
	}
}

// forget drops a generation that is no more.
func (p *Port) forget(g generation) {
	older := maps.Clone(*p.older.Load())
	_ = older[g].close()
	delete(older, g)
	p.older.Store(&older)
}

// SetReadDeadline ends reading, whatever the time: that is what a quic.Transport calls it for. A zero time does
// nothing.
func (p *Port) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
	err := p.UDPConn.SetReadDeadline(past)
	for _, l := range []*link{p.before, p.heir} {
		if l != nil {
			_ = l.conn.SetReadDeadline(past)
		}
	}
	return err
}

// Close lets go of the port, and of what ties it to other processes. Reading must have ended.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return net.ErrClosed
	}
	p.closed = true
	for _, l := range *p.older.Load() {
		_ = l.close()
	}
	if p.heir != nil {
		_ = p.heir.close()
	}
	return p.UDPConn.Close()
}
