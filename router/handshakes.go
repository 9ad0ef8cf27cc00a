package router

import (
	"crypto/tls"
	"sync/atomic"
)

// handshakes count how TLS began. Those of HTTP/3 that fail are not among them: quic-go keeps them to itself.
type handshakes struct{ full, resumed, failed atomic.Uint64 }

func (h *handshakes) count(c *tls.Conn, err error) {
	if err != nil {
		h.failed.Add(1)
		return
	}
	h.succeeded(c.ConnectionState())
}

func (h *handshakes) succeeded(state tls.ConnectionState) {
	if state.DidResume {
		h.resumed.Add(1)
		return
	}
	h.full.Add(1)
}
