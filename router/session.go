package router

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"csph/router/h1"
	"csph/router/lane"
)

// session is a client's connection. Its goroutine owns all fields but those that are atomic.
type session struct {
	r       *Router
	client  socket
	peer    netip.Addr
	trusted bool
	secure  bool
	proto   uint8 // major version of HTTP
	shard   uint32
	number  uint32
	idle    atomic.Bool // waits for a request
	abandon deadline    // next look whether the client is still there, while it waits
	up      atomic.Pointer[upstream]

	lane    *lane.Conn      // what client stands for, when that is one request of many; nil otherwise
	life    context.Context // of the request of a lane, which ends when the client gives up
	leaving sync.WaitGroup  // of the function that watches life
	// mustUpgrade: no answer but 101 may say that the request succeeded.
	mustUpgrade bool

	req  h1.Request
	resp h1.Response
	out  []byte // what is written next; storage while a request is served
	name []byte // of the host asked for, in the table's form
	id   [32]byte
	log  accessEntry // of the request being served
	request
}

// request is the state of the request being served.
type request struct {
	route             *route
	target            *target
	start             time.Time
	requestID         []byte
	from              netip.Addr // whose request it is
	sticky            []byte     // target that the client's cookie names
	status            int
	bytesIn, bytesOut int64
	stream            bool
	keep              bool // the client's connection can carry another request
	continued         bool // 100 (Continue) was passed on
	form              form // of pages
	head              bool // the method is HEAD
	replay            bool // the whole body is in out: it can be sent again
	idem              bool
	retried           bool // was sent twice
	pump              *pump
	pumpErr           error
	pumpClient        bool // pumpErr is the client's
}

// serveConn serves one connection to its end.
func (r *Router) serveConn(conn net.Conn) {
	peer, err := r.peerOf(conn)
	if err != nil {
		r.log.Debug("a connection of a load balancer is closed", "address", peer, "error", err)
		_ = conn.Close()
		return
	}
	s := &session{r: r, peer: peer, proto: 1, trusted: contains(r.trusted, peer)}
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
	defer r.survive("serving a connection")
	if !s.handshake() {
		return
	}
	if s.proto == 2 {
		s.carry()
		return
	}
	for s.next() {
	}
}

// turnAway answers a connection that may not stay, without waiting for its request.
func (s *session) turnAway(p page) {
	_ = s.client.conn.SetDeadline(time.Now().Add(time.Second))
	switch {
	case !s.handshake():
		_ = s.client.conn.Close()
		return
	case s.proto == 2:
		s.turnAwayFrames(p)
		return
	}
	_, _ = s.client.conn.Write(p.append(nil, string(s.newID()), asText, false, false))
	_ = s.client.conn.Close()
}

// handshake completes TLS where the connection is of that kind, which tells the protocol.
func (s *session) handshake() bool {
	c, ok := s.client.conn.(*tls.Conn)
	if !ok {
		return true
	}
	s.secure = true
	ctx, cancel := context.WithTimeout(context.Background(), s.r.limits.HeadTimeout)
	defer cancel()
	err := c.HandshakeContext(ctx)
	s.r.handshakes.count(c, err)
	if err == nil && isHTTP2(c) {
		s.proto = 2
	}
	return err == nil
}

// next serves one request; false means that the connection is done with.
func (s *session) next() bool {
	if !s.awaitRequest() {
		return false
	}
	s.begin()
	defer s.end()
	head, err := s.readHead()
	if err == nil {
		err = s.req.Parse(s.client.unread()[:head], s.r.limits.HeaderCount)
	}
	if err != nil {
		s.refuse(err)
		return false
	}
	s.serve(head)
	return s.keep
}

// survive keeps a mistake of the router's own from ending the process, and so every other connection.
// It must be deferred.
func (r *Router) survive(doing string) {
	if p := recover(); p != nil {
		r.log.Error("the router made a mistake", "doing", doing, "panic", p, "stack", string(debug.Stack()))
	}
}
