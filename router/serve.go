package router

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrStopped is returned by Serve after Shutdown.
var ErrStopped = errors.New("the router was shut down")

// Serve answers the connections that ln accepts, each from a goroutine of its own, until ctx ends,
// Shutdown is called (ErrStopped) or ln fails. It closes ln; connections go on. Several listeners may
// be served at once. Connections that are *tls.Conn count as HTTPS.
func (r *Router) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.life, func() { cancel(ErrStopped) })()
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	for wait := time.Duration(0); ; {
		conn, err := ln.Accept()
		if err == nil {
			wait = 0
			go r.serveConn(conn)
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !temporary(err) {
			return fmt.Errorf("accept connections: %w", err)
		}
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		r.log.Warn("accepting connections fails; trying again", "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// temporary reports whether accepting may work again: no descriptors or memory left, a connection gone
// before it was accepted.
func temporary(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && !errors.Is(err, net.ErrClosed)
}

// Shutdown stops accepting, closes connections that wait for a request, lets requests in flight
// finish, and blocks until all are done. Clients of HTTP/2 and HTTP/3 are told by GOAWAY; what they had sent
// before they knew is answered over HTTP/2, and over HTTP/3 refused so that they may repeat it. One that does
// not heed it holds Shutdown up for some seconds beyond its last request. When ctx ends first the rest is cut
// and the error is ctx's. No client is served any more when it returns. It must be called once.
func (r *Router) Shutdown(ctx context.Context) error {
	r.stop()
	for _, m := range r.clients.close() {
		m.stopIdle()
	}
	r.streams.Go(func() { r.leave(ctx) })
	var err error
	select {
	case <-r.clients.empty:
	case <-ctx.Done():
		err = fmt.Errorf("finish requests in flight: %w", ctx.Err())
		for _, m := range r.clients.close() {
			m.cut()
		}
		<-r.clients.empty
	}
	r.streams.Wait()
	r.closePorts()
	for _, t := range r.table.Load().allTargets() {
		t.closeIdle()
	}
	r.pipes.close()
	r.watch.close()
	if r.access != nil {
		r.access.close()
	}
	return err
}

// stopping reports whether Shutdown or Retire was called: answers are the last of their connections.
func (r *Router) stopping() bool { return r.life.Err() != nil || r.retirement.began() }
