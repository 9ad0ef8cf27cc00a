package router

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"csph/router/h1"
	"csph/router/lane"
)

// session is a client's connection. Its goroutine owns all fields but those that are atomic.
type session struct {
	r      *Router
	client socket
	peer   netip.Addr
	// peerText is peer, which each request needs some times.
	peerText []byte
	trusted  bool
	secure   bool
	proto    uint8 // major version of HTTP
	shard    uint32
	number   uint32
	idle     atomic.Bool // waits for a request
	abandon  deadline    // next look whether the client is still there, while it waits
	up       atomic.Pointer[upstream]

	parsed  int     // length of the head that req holds, when it was parsed while waiting for it
	ending  ending  // how the connection is closed
	through *tunnel // what the connection has become; nil while it carries requests

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
	s := &session{r: r, peer: peer, peerText: peer.AppendTo(nil), proto: 1, trusted: contains(r.trusted, peer)}
	s.client.open(conn, r.storage, r.watch, smallStorage)
	s.client.each, s.client.alone = s.serveArrived, runtime.GOMAXPROCS(0) == 1
	refused, ok := r.clients.join(s)
	if !ok {
		s.turnAway(refused)
		return
	}
	s.shard = r.watch.add(s)
	s.number = s.shard % counterShards
	if t := s.serveRequests(); t != nil {
		go t.carryAndDepart() // and this goroutine ends, whose stack has grown
		return
	}
	s.depart()
}

// serveRequests serves all requests of a connection. It returns the tunnel that the last of them asked for, if it did.
func (s *session) serveRequests() *tunnel {
	defer s.r.survive("serving a connection")
	switch {
	case !s.handshake():
	case s.proto == 2:
		s.carry()
	default:
		for s.next() {
		}
	}
	return s.through
}

// depart closes a connection that is done with.
func (s *session) depart() {
	defer s.r.clients.leave(s)
	defer s.r.watch.remove(s, s.shard)
	defer s.r.survive("closing a connection")
	s.close()
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

// next waits for requests and serves one or more; false means that no other can follow.
func (s *session) next() bool { return s.awaitRequest() && s.serveNext() }

// serveNext serves the request whose first bytes are there, and reports whether another can follow.
func (s *session) serveNext() bool {
	s.begin()
	defer s.end()
	head, err := s.parseHead()
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
