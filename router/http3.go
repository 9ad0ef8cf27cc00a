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
)

// altSvcLife is how long clients may remember that there is HTTP/3, in seconds.
const altSvcLife = 86_400

// goAwayGrace is how long requests may arrive that were sent before the client knew better.
const goAwayGrace = 500 * time.Millisecond

// quicConfig leaves 0-RTT off: what it carries could be played again by anybody (RFC 8446 section 8).
func (r *Router) quicConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: r.limits.HeadTimeout,
		MaxIdleTimeout:       r.limits.IdleTimeout,
		MaxIncomingStreams:   int64(r.limits.Streams),
		Allow0RTT:            false,
	}
}

// ServeQUIC answers HTTP/3 (RFC 9114) on packets, with certificates from secure, until ctx ends,
// Shutdown is called (ErrStopped) or packets fails. Connections go on; packets is closed after the last.
// While ServeQUIC runs, answers over TLS name its port in Alt-Svc.
func (r *Router) ServeQUIC(ctx context.Context, packets net.PacketConn, secure *tls.Config) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.life, func() { cancel(ErrStopped) })()
	p := &quicPort{Transport: quic.Transport{Conn: packets}, closed: make(chan struct{})}
	if !r.keepPort(p) {
		return errors.Join(ErrStopped, packets.Close())
	}
	defer func() { go p.closeAfterLast() }()
	ln, err := p.Listen(http3.ConfigureTLSConfig(secure), r.quicConfig())
	if err != nil {
		return fmt.Errorf("listen for HTTP/3: %w", err)
	}
	defer ln.Close()
	r.announceHTTP3(packets.LocalAddr())
	defer r.announceHTTP3(nil)
	for {
		conn, err := ln.Accept(ctx)
		switch {
		case err == nil:
			p.conns.Go(func() { r.serveQUIC(conn) })
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			return fmt.Errorf("accept HTTP/3 connections: %w", err)
		}
	}
}

// quicPort is what HTTP/3 is served on.
type quicPort struct {
	quic.Transport
	conns  sync.WaitGroup
	closed chan struct{}
}

// closeAfterLast frees the port once nothing is accepted and no connection left.
func (p *quicPort) closeAfterLast() {
	defer close(p.closed)
	p.conns.Wait()
	_ = p.Close()
	_ = p.Conn.Close()
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
	conn *quic.Conn
}

// serveQUIC serves one connection to its end.
func (r *Router) serveQUIC(conn *quic.Conn) {
	c := &quicCarrier{conn: conn}
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
		Handler: c, MaxHeaderBytes: c.r.limits.HeaderBytes, IdleTimeout: c.r.limits.IdleTimeout,
		Logger: slog.New(slog.DiscardHandler),
	}
	over, endRequests := make(chan struct{}), sync.OnceFunc(c.live.Lock)
	var leaving sync.WaitGroup
	leaving.Go(func() {
		select {
		case <-c.r.multiplex.leaving:
			c.goAway(s, endRequests)
		case <-over:
		}
	})
	_ = s.ServeQUICConn(c.conn)
	close(over)
	endRequests()
	leaving.Wait()
}

// goAway lets the client finish what it has begun (RFC 9114 section 5.2), then closes.
func (c *quicCarrier) goAway(s *http3.Server, endRequests func()) {
	var told sync.WaitGroup
	told.Go(func() { _ = s.Shutdown(c.conn.Context()) })
	select {
	case <-time.After(goAwayGrace): // for requests on their way
	case <-c.conn.Context().Done():
	}
	endRequests()
	c.cut()
	told.Wait()
}

// origin implements member.
func (c *quicCarrier) origin() (netip.Addr, bool) { return c.peer, !c.trusted }

// stopIdle implements member: serve learns itself that the router leaves.
func (c *quicCarrier) stopIdle() {}

// cut implements member.
func (c *quicCarrier) cut() {
	_ = c.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
}
