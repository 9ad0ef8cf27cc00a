package main

import (
	"errors"
	"os"
	"time"

	"csph/router"
	"csph/router/udp"
)

// udpRetry is how often a UDP port is tried that somebody else has, as a csphd of before it was handed over.
const udpRetry = time.Second

// openHTTP3 answers HTTP/3 beside HTTPS, with its certificates, as long as csphd accepts connections. The port of
// the process before this one has been asked for when it returns. That there is none to be had is no error:
// clients learn of HTTP/3 only when it is there.
func (f *front) openHTTP3() {
	if f.secure == nil || !f.config.Router.HTTP3 {
		udp.Discard(f.left)
		return
	}
	port, err := udp.Listen(f.config.HTTPS, f.left)
	f.accepting.Go(func() error { return f.serveHTTP3(port, err) })
}

func (f *front) serveHTTP3(port *udp.Port, err error) error {
	for warned := false; err != nil; port, err = udp.Listen(f.config.HTTPS, nil) {
		if !warned {
			f.logger.Warn("HTTP/3 waits for its UDP port", "address", f.config.HTTPS, "err", err)
			warned = true
		}
		select {
		case <-time.After(udpRetry):
		case <-f.life.Done():
			return nil
		}
	}
	f.port.Store(port)
	err = f.router.ServeQUIC(f.life, port, f.secure)
	if f.life.Err() != nil || errors.Is(err, router.ErrStopped) {
		return nil
	}
	return err
}

// leavePort returns what a successor needs to take HTTP/3 over. Without it, it has to wait for the port.
func (f *front) leavePort() []*os.File {
	port := f.port.Load()
	if port == nil {
		return nil
	}
	left, err := port.Bequeath()
	if err != nil {
		f.logger.Warn("HTTP/3 pauses during this upgrade", "err", err)
	}
	return left
}
