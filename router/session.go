package router

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"csph/router/h1"
)

// abandonCheck is how often a client that waits for its answer is looked at, to see whether it has gone.
const abandonCheck = 2 * time.Second

// session is a client's connection. Its goroutine owns all fields but those that are atomic.
type session struct {
	r       *Router
	client  socket
	peer    netip.Addr
	trusted bool
	secure  bool
	shard   uint32
	number  uint32
	idle    atomic.Bool // waits for a request
	abandon deadline    // next look whether the client is still there, while it waits
	up      atomic.Pointer[upstream]

	req  h1.Request
	resp h1.Response
	out  []byte // what is written next; storage while a request is served
	name []byte // of the host asked for, in the table's form
	id   [32]byte
	request
}

// request is the state of the request being served.
type request struct {
	route             *route
	target            *target
	start             time.Time
	requestID         []byte
	status            int
	bytesIn, bytesOut int64
	stream            bool
	keep              bool // the client's connection can carry another request
	continued         bool // 100 (Continue) was passed on
	json              bool
	head              bool // the method is HEAD
	replay            bool // the whole body is in out: it can be sent again
	idem              bool
	retried           bool // was sent twice
	pump              *pump
	pumpErr           error
	pumpClient        bool // pumpErr is the client's
	log               accessEntry
}

// serveConn serves one connection to its end.
func (r *Router) serveConn(conn net.Conn) {
	s := &session{r: r, peer: peerOf(conn)}
	s.trusted = r.trusts(s.peer)
	s.client.open(conn, r.storage, r.watch, smallStorage)
	refused, ok := r.clients.join(s)
	if !ok {
		s.turnAway(refused)
		return
	}
	defer r.clients.leave(s)
	s.shard = r.watch.add(s)
	defer r.watch.remove(s, s.shard)
	s.number = s.shard % counterShards
	defer s.close()
	if !s.handshake() {
		return
	}
	for s.next() {
	}
}

// turnAway answers a connection that may not stay, without waiting for its request.
func (s *session) turnAway(p page) {
	_ = s.client.conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = s.client.conn.Write(p.append(nil, string(s.newID()), false, false, false))
	_ = s.client.conn.Close()
}

// handshake completes TLS where the connection is of that kind.
func (s *session) handshake() bool {
	c, ok := s.client.conn.(*tls.Conn)
	if !ok {
		return true
	}
	s.secure = true
	ctx, cancel := context.WithTimeout(context.Background(), s.r.limits.HeadTimeout)
	defer cancel()
	return c.HandshakeContext(ctx) == nil
}

// next serves one request; false means that the connection is done with.
func (s *session) next() bool {
	head, err := s.readHead()
	if err != nil {
		s.refuse(err)
		return false
	}
	s.begin()
	if err := s.req.Parse(s.client.unread()[:head], s.r.limits.HeaderCount); err != nil {
		s.refuse(err)
		return false
	}
	s.serve(head)
	s.end()
	return s.keep
}

// readHead waits for a whole head and returns its length.
func (s *session) readHead() (int, error) {
	var scan h1.Scan
	if len(s.client.unread()) == 0 {
		if err := s.awaitRequest(); err != nil {
			return 0, err
		}
	}
	by := time.Duration(s.r.watch.after(s.r.limits.HeadTimeout))
	for {
		n, err := scan.End(s.client.unread())
		if err != nil || n > 0 {
			return n, err
		}
		left := by - time.Duration(s.r.watch.after(0))
		if left <= 0 {
			return 0, errHeadTimeout
		}
		switch err := s.client.fill(left, s.r.limits.HeaderBytes); {
		case err == errFull:
			return 0, errHeadSize
		case err == errTimeout:
			return 0, errHeadTimeout
		case err != nil:
			return 0, errGone
		}
	}
}

// What ends a connection between requests, besides *h1.Error.
var (
	errGone        = errors.New("the client is gone")
	errHeadTimeout = &h1.Error{Status: 408, Reason: "the request took too long to arrive"}
	errHeadSize    = &h1.Error{Status: 431, Reason: "the header is too large"}
)

// awaitRequest waits for the first bytes of a request.
func (s *session) awaitRequest() error {
	s.idle.Store(true)
	defer s.idle.Store(false)
	if s.r.stopping() {
		return errGone
	}
	s.client.want = smallStorage
	if err := s.client.fill(s.r.limits.IdleTimeout, s.r.limits.HeaderBytes); err != nil {
		return errGone
	}
	return nil
}

// begin starts the account of a request.
func (s *session) begin() {
	s.request = request{start: time.Now()}
	s.requestID = s.newID()
	if s.out == nil {
		s.out = s.r.storage.take(smallStorage)[:0]
	}
}

// end closes the account of a request.
func (s *session) end() {
	if s.out != nil {
		s.r.storage.give(s.out)
		s.out = nil
	}
	took := time.Since(s.start)
	if s.route != nil {
		s.route.counts.shards[s.number].count(s.status, s.bytesIn, s.bytesOut, took)
	}
	if s.r.access != nil && s.r.access.wants(s.status) {
		s.logRequest(took)
	}
}

func (s *session) logRequest(took time.Duration) {
	e := &s.log
	e.start, e.took, e.status, e.in, e.out = s.start, took, s.status, s.bytesIn, s.bytesOut
	e.client, e.requestID = s.peer, s.requestID
	if s.route != nil {
		e.service = s.route.service
	}
	if s.target != nil {
		e.target = s.target.addr
	}
	s.r.access.add(e)
}

// refuse answers a request that could not be read, where there is somebody to answer.
func (s *session) refuse(err error) {
	var refused *h1.Error
	if !errors.As(err, &refused) {
		return
	}
	if s.requestID == nil {
		s.requestID = s.newID()
	}
	out := pageRefused(refused.Status, refused.Reason).append(nil, string(s.requestID), false, false, false)
	if s.client.send(out, s.r.limits.BodyTimeout) == nil {
		s.linger()
	}
}

// linger lets the client read the last answer although it may still be sending: closing at once would
// destroy the answer on its way (RFC 9112 section 9.6).
func (s *session) linger() {
	const most, long = 1 << 20, 2 * time.Second
	s.client.closeWrite()
	until := time.Now().Add(long)
	for n := 0; n < most; n += bulkStorage {
		s.client.release()
		left := time.Until(until)
		if left <= 0 || s.client.fill(left, bulkStorage) != nil {
			return
		}
	}
}

// newID makes a request id: 128 random bits, in hex.
func (s *session) newID() []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(s.id); i += 16 {
		bits := rand.Uint64()
		for k := range 16 {
			s.id[i+k] = hex[bits&15]
			bits >>= 4
		}
	}
	return s.id[:]
}

func (s *session) close() {
	s.client.release()
	_ = s.client.conn.Close()
}

// stopIdle ends the wait for a request. One that has arrived is still served.
func (s *session) stopIdle() {
	if !s.idle.Load() {
		return
	}
	if tcp, ok := s.client.conn.(*net.TCPConn); ok {
		_ = tcp.CloseRead()
		return
	}
	_ = s.client.conn.SetReadDeadline(past)
}

// cut ends the connection whatever it is doing.
func (s *session) cut() {
	_ = s.client.conn.Close()
	if u := s.up.Load(); u != nil {
		u.end()
	}
}

// expire implements watched.
func (s *session) expire(now int64) bool {
	s.client.expire(now)
	s.checkAbandoned(now)
	return false
}

// checkAbandoned cuts an exchange whose client has gone.
func (s *session) checkAbandoned(now int64) {
	at := s.abandon.at.Load()
	if at <= 0 || at > now {
		return
	}
	if !s.gone() {
		s.abandon.at.CompareAndSwap(at, now+int64(abandonCheck))
		return
	}
	if u := s.up.Load(); u != nil && s.abandon.at.CompareAndSwap(at, expired) {
		u.end()
	}
}

// gone reports whether the client has closed its connection.
func (s *session) gone() (gone bool) {
	if s.client.raw == nil {
		return false
	}
	_ = s.client.raw.Control(func(fd uintptr) {
		n, err := peek(fd)
		gone = n == 0 && err == 0 || err != 0 && err != errAgain
	})
	return gone
}

// trusts reports whether a is the address of a trusted proxy.
func (r *Router) trusts(a netip.Addr) bool {
	for _, p := range r.trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// isGone tells the errors of a connection that just ended from the others.
func isGone(err error) bool {
	return err == io.EOF || errors.Is(err, errReset) || errors.Is(err, errPipe)
}
