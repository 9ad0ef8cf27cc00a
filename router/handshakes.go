package router

import (
	"crypto/tls"
	"sync/atomic"
)

// handshakes count how TLS began, of connections over TCP.
type handshakes struct{ full, resumed, failed atomic.Uint64 }

func (h *handshakes) count(c *tls.Conn, err error) {
	switch {
	case err != nil:
		h.failed.Add(1)
	case c.ConnectionState().DidResume:
		h.resumed.Add(1)
	default:
		h.full.Add(1)
	}
}
