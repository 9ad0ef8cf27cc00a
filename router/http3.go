package router

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"csph/router/udp"
)

// altSvcLife is how long clients may remember that there is HTTP/3, in seconds.
const altSvcLife = 86_400

// goAwayQuiet is how long a client that has something to acknowledge is silent at most: longer than a lost packet
// takes to be sent again on most ways.
const goAwayQuiet = time.Second

// quicAlive is how often a silent client is asked for a sign, so that an answer may take longer than a connection may
// be unused. What is between the two mostly forgets a connection after half a minute (RFC 9000 section 10.1.2).
const quicAlive = 25 * time.Second

// quicConfig leaves 0-RTT off: what it carries could be played again by anybody (RFC 8446 section 8).
func (r *Router) quicConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: r.limits.HeadTimeout,
		MaxIdleTimeout:       r.limits.IdleTimeout + parting, // of clients that are gone: the others are told before
		KeepAlivePeriod:      quicAlive,
		MaxIncomingStreams:   int64(r.limits.Streams),
		Allow0RTT:            false,
	}
}

// ServeQUIC answers HTTP/3 (RFC 9114) on port, with certificates from secure, until ctx ends, Shutdown is
// called (ErrStopped) or port fails. Connections go on, those whose handshake is under way included; port
// yields to a successor, if there is one, and is closed after the last. While ServeQUIC runs, answers over TLS
// name its number in Alt-Svc.
func (r *Router) ServeQUIC(ctx context.Context, port *udp.Port, secure *tls.Config) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.life, func() { cancel(ErrStopped) })()
	p := &quicPort{Transport: port.Transport(), port: port, closed: make(chan struct{})}
	if !r.keepPort(p) {
		return errors.Join(ErrStopped, port.Close())
	}
	ln, err := p.Listen(http3.ConfigureTLSConfig(secure), r.quicConfig())
	if err != nil {
		close(p.closed)
		return errors.Join(fmt.Errorf("listen for HTTP/3: %w", err), port.Close())
	}
	late := time.Duration(0)
	defer func() { go p.closeAfterLast(ln, r.life, late) }()
	r.announceHTTP3(port.LocalAddr())
	defer r.announceHTTP3(nil)
	failed := make(chan error, 1)
	p.conns.Go(func() { failed <- r.acceptQUIC(p, ln) })
	select {
	case <-ctx.Done():
		if port.Yield() {
			late = r.limits.HeadTimeout
		}
		return context.Cause(ctx)
	case err := <-failed:
		return fmt.Errorf("accept HTTP/3 connections: %w", err)
	}
}

// acceptQUIC serves connections until ln is closed and has none left that shakes hands.
func (r *Router) acceptQUIC(p *quicPort, ln *quic.Listener) error {
	for {
		conn, err := ln.Accept(context.Background())
		if err != nil {
			return err
		}
		r.handshakes.succeeded(conn.ConnectionState().TLS)
		p.conns.Go(func() { r.serveQUIC(conn) })
	}
}

// quicPort is what HTTP/3 is served on.
type quicPort struct {
	*quic.Transport
	port   *udp.Port
	conns  sync.WaitGroup // with who accepts them
	closed chan struct{}
}

// closeAfterLast frees the port once nothing is accepted and no connection left. Handshakes under way have until
// life ends, at most late, to end: to close ln refuses them.
func (p *quicPort) closeAfterLast(ln *quic.Listener, life context.Context, late time.Duration) {
	defer close(p.closed)
	select {
	case <-time.After(late):
	case <-life.Done():
	}
	_ = ln.Close()
	p.conns.Wait()
	_ = p.Close()
	_ = p.port.Close()
}

// keepPort has Shutdown wait for p; it reports false when that has begun.
func (r *Router) keepPort(p *quicPort) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping() {
		return false
	}
	r.ports = append(r.ports, p)
	return true
}

// closePorts waits until all that HTTP/3 was served on is free. No connection is left.
func (r *Router) closePorts() {
	r.mu.Lock()
	ports := r.ports
	r.mu.Unlock()
	for _, p := range ports {
		<-p.closed
	}
}

// announceHTTP3 has Alt-Svc name the port of addr; nil: there is no Alt-Svc.
func (r *Router) announceHTTP3(addr net.Addr) {
	var line []byte
	if udp, ok := addr.(*net.UDPAddr); ok {
		line = fmt.Appendf(nil, "Alt-Svc: h3=\":%d\"; ma=%d\r\n", udp.Port, altSvcLife)
	}
	r.altSvc.Store(&line)
}

// quicCarrier is a connection of HTTP/3.
type quicCarrier struct {
	carrier
	conn  *quic.Conn
	since time.Time
}

// serveQUIC serves one connection to its end.
func (r *Router) serveQUIC(conn *quic.Conn) {
	c := &quicCarrier{conn: conn, since: time.Now()}
	c.r, c.peer, c.proto = r, addrOf(conn.RemoteAddr()), 3
	c.trusted = contains(r.trusted, c.peer)
	if _, ok := r.clients.join(c); !ok {
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "too many connections")
		return
	}
	defer r.clients.leave(c)
	defer r.survive("serving an HTTP/3 connection")
	c.serve()
}

// serve returns when the connection and its last request are over.
func (c *quicCarrier) serve() {
	s := &http3.Server{
		Handler: c, MaxHeaderBytes: c.r.limits.HeaderBytes,
		Logger: slog.New(slog.DiscardHandler),
	}
	leaving, over := c.leaving()
	defer over()
	ended, endRequests := make(chan struct{}), sync.OnceFunc(c.live.Lock)
	var departing sync.WaitGroup
	departing.Go(func() {
		select {
		case <-leaving.Done():
			c.goAway(s, endRequests)
		case <-ended:
		}
	})
	_ = s.ServeQUICConn(c.conn)
	close(ended)
	endRequests()
	departing.Wait()
}

// goAway lets the client finish what it has begun (RFC 9114 section 5.2), then closes. A client that has just
// come may begin: its first request is on its way.
//
// quic-go says GOAWAY once, with the last request that has arrived, and has no way to announce it by a higher one.
// Requests that cross it are each refused as H3_REQUEST_REJECTED, so that clients know that they may send them
// again, whatever the method (RFC 9114 section 4.1.1).
func (c *quicCarrier) goAway(s *http3.Server, endRequests func()) {
	c.wait(time.Until(c.since.Add(goAwayGrace)))
	var told sync.WaitGroup
	told.Go(func() { _ = s.Shutdown(c.conn.Context()) })
	c.wait(goAwayGrace)
	c.settle() // what is missing of requests that have begun to arrive
	endRequests()
	c.settle()
	c.cut()
	told.Wait()
}

// settle waits until nothing is on its way. What was sent last the client must have, since closing would take it
// back. Most close the connection themselves then; the others have all of it when they have nothing more to
// acknowledge.
func (c *quicCarrier) settle() {
	for heard := uint64(0); c.conn.Context().Err() == nil; {
		now := c.conn.ConnectionStats().PacketsReceived
		if now == heard {
			return
		}
		heard = now
		c.wait(goAwayQuiet)
	}
}

// wait blocks for d, or until the connection ends.
func (c *quicCarrier) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.conn.Context().Done():
	}
}

// origin implements member.
func (c *quicCarrier) origin() (netip.Addr, bool) { return c.peer, !c.trusted }

// stopIdle implements member: serve learns itself that the router leaves.
func (c *quicCarrier) stopIdle() {}

// cut implements member.
func (c *quicCarrier) cut() {
	_ = c.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}
