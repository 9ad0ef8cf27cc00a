package router

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"csph/router/lane"
)

// carrier is a connection of HTTP/2 or HTTP/3: it carries many requests at a time, each of which is
// served by a session of its own over a lane.
type carrier struct {
	r       *Router
	peer    netip.Addr
	trusted bool
	proto   uint8
	// live is held for reading by each request, and for writing by the connection's end, which so waits
	// for them and lets no other begin.
	live sync.RWMutex

	busy   atomic.Int32 // requests in flight
	unused deadline     // of being without them
	leave  context.CancelFunc
	shard  uint32 // of the watch
}

// leaving returns what ends when the connection is to be led to its end: because its Router leaves, or because it is
// not used, in which case the client may just be about to use it. The returned function must be called when it is over.
func (c *carrier) leaving() (leaving context.Context, over func()) {
	leaving, c.leave = context.WithCancel(c.r.multiplex.leaving)
	c.unused.set(c.r.watch.after(c.r.limits.IdleTimeout))
	c.shard = c.r.watch.add(c)
	return leaving, func() {
		c.r.watch.remove(c, c.shard)
		c.leave()
	}
}

// expire implements watched.
func (c *carrier) expire(now int64) bool {
	if c.unused.claim(now) && c.busy.Load() == 0 {
		c.leave()
	}
	return false
}

// use notes that a request begins.
func (c *carrier) use() {
	if c.busy.Add(1) == 1 {
		c.unused.clear()
	}
}

// unuse notes that a request has ended.
func (c *carrier) unuse() {
	if c.busy.Add(-1) == 0 {
		c.unused.set(c.r.watch.after(c.r.limits.IdleTimeout))
	}
}

// multiplexer is what serves the HTTP/2 connections of a Router.
type multiplexer struct {
	frames  http2.Server
	base    *http.Server
	leaving context.Context // ends when connections, of HTTP/3 too, are to be led to their end
	goAway  context.CancelFunc
}

// pingAfter is the silence after which a carrier is asked whether its client is still there.
const pingAfter = time.Minute

func newMultiplexer(l *slog.Logger, limits Limits) *multiplexer {
	m := &multiplexer{base: &http.Server{
		MaxHeaderBytes: limits.HeaderBytes,
		ErrorLog:       slog.NewLogLogger(l.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: limits.Streams,
			SendPingTimeout:      pingAfter, PingTimeout: limits.HeadTimeout,
		},
	}}
	m.leaving, m.goAway = context.WithCancel(context.Background())
	if err := http2.ConfigureServer(m.base, &m.frames); err != nil {
		panic("router: HTTP/2 refuses a configuration without TLS settings: " + err.Error())
	}
	return m
}

// Protocols returns what a TLS listener is to offer by ALPN, so that its clients may speak HTTP/2.
func Protocols() []string { return []string{http2.NextProtoTLS, "http/1.1"} }

// isHTTP2 reports whether the handshake has agreed on HTTP/2.
func isHTTP2(c *tls.Conn) bool { return c.ConnectionState().NegotiatedProtocol == http2.NextProtoTLS }

// carry serves a connection that has agreed on HTTP/2 to its end.
func (s *session) carry() {
	c := &carrier{r: s.r, peer: s.peer, trusted: s.trusted, proto: 2}
	m := s.r.multiplex
	g := newGather(s.client.conn.(*tls.Conn), s.r.storage, s.r.limits.BodyTimeout) // only of TLS it is known to be HTTP/2
	defer g.Close()
	leaving, over := c.leaving()
	defer over()
	endRequests := sync.OnceFunc(c.live.Lock)
	defer g.departWith(leaving, endRequests)()
	m.frames.ServeConn(g, &http2.ServeConnOpts{BaseConfig: m.base, Handler: c})
	endRequests()
}

// What a client sends that is turned away is read for so long: closed on unread bytes, the kernel resets the
// connection, and the client may lose what it was told.
const (
	partingTime  = 500 * time.Millisecond
	partingBytes = 1024
)

// turnAwayFrames is turnAway in the words of HTTP/2 (RFC 9113 section 6.8).
func (s *session) turnAwayFrames(p page) {
	f := http2.NewFramer(s.client.conn, nil)
	if f.WriteSettings() == nil && f.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, []byte(p.title)) == nil {
		_ = s.client.conn.SetReadDeadline(time.Now().Add(partingTime))
		_, _ = io.CopyN(io.Discard, s.client.conn, partingBytes)
	}
	_ = s.client.conn.Close()
}

// ServeHTTP serves one request. It panics with http.ErrAbortHandler when the answer is not whole, so
// that the client sees its stream reset.
func (c *carrier) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if !c.live.TryRLock() {
		panic(http.ErrAbortHandler)
	}
	defer c.live.RUnlock()
	c.use()
	defer c.unuse()
	conn := lane.Open(w, q)
	defer conn.Done()
	c.r.serveLane(c, conn, q.Context())
	if !conn.Whole() {
		panic(http.ErrAbortHandler)
	}
}

// serveLane serves the request of a lane.
func (r *Router) serveLane(c *carrier, conn *lane.Conn, life context.Context) {
	s := r.laneSessions.Get().(*session)
	defer s.recycle()
	s.peer, s.trusted, s.secure, s.proto, s.life = c.peer, c.trusted, true, c.proto, life
	s.peerText = c.peer.AppendTo(s.peerText[:0])
	s.lane = conn
	s.client.open(conn, r.storage, r.watch, smallStorage)
	s.shard = r.watch.add(s)
	s.number = s.shard % counterShards
	defer r.watch.remove(s, s.shard)
	s.leaving.Add(1)
	stop := context.AfterFunc(life, s.abandoned)
	defer func() {
		if stop() {
			s.leaving.Done()
		}
		s.leaving.Wait()
	}()
	defer s.close()
	defer r.survive("serving a request")
	s.serveOne()
}

// serveOne serves the one request of a lane.
func (s *session) serveOne() {
	head, err := s.lane.AppendHead(s.r.storage.take(smallStorage)[:0])
	if err != nil {
		s.begin()
		defer s.end()
		s.refuse(err)
		return
	}
	s.client.preload(head)
	s.mustUpgrade = s.lane.Tunnel()
	s.next()
	if s.through != nil {
		s.through.carry()
	}
}

// recycle makes the session of a lane ready for another.
func (s *session) recycle() {
	s.client.conn, s.lane, s.life, s.mustUpgrade = nil, nil, nil, false
	s.parsed, s.ending, s.through = 0, closing, nil
	s.up.Store(nil)
	s.request = request{}
	s.r.laneSessions.Put(s)
}

// abandoned cuts the exchange of a lane whose client has given up.
func (s *session) abandoned() {
	defer s.leaving.Done()
	at := s.abandon.at.Load()
	if u := s.up.Load(); at > 0 && u != nil && s.abandon.at.CompareAndSwap(at, expired) {
		u.end()
	}
}
