package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/quic-go/quic-go"

	"csph/durable"
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
	resets, err := resetKey(f.config.State)
	if err != nil {
		f.logger.Warn("clients of HTTP/3 would not be told if csphd were killed", "err", err)
	}
	port, err := udp.Listen(f.config.HTTPS, f.left, resets)
	f.accepting.Go(func() error { return f.serveHTTP3(port, resets, err) })
}

func (f *front) serveHTTP3(port *udp.Port, resets *quic.StatelessResetKey, err error) error {
	for warned := false; err != nil; port, err = udp.Listen(f.config.HTTPS, nil, resets) {
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

// resetKey returns the key by which clients believe a later csphd of the same state folder that their connections are
// gone (RFC 9000 section 10.3). The first call makes it; it is kept in a file that only its owner can read.
func resetKey(state string) (*quic.StatelessResetKey, error) {
	var key quic.StatelessResetKey
	path := filepath.Join(state, "quic.key")
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, _ = rand.Read(key[:]) // never fails
		if err := durable.Replace(path, key[:], 0o600); err != nil {
			return nil, fmt.Errorf("keep the key of QUIC's stateless resets: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("read the key of QUIC's stateless resets: %w", err)
	case copy(key[:], b) != len(key) || len(b) != len(key):
		return nil, fmt.Errorf("%s has %d bytes instead of %d; remove it, and csphd makes another at its next start", path, len(b), len(key))
	}
	return &key, nil
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
