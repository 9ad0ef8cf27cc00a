//go:build !race

// The race detector makes pools forget, so that allocations say nothing.

package router

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
)

// canned serves every request head that arrives on a connection with the same bytes, allocating nothing.
func canned(ln net.Listener, answer []byte) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 4096)
			for n := 0; ; {
				k, err := c.Read(buf[n:])
				if err != nil {
					return
				}
				if n += k; bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
					n = 0
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			}
		}()
	}
}

func TestAnOrdinaryRequestAllocatesNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n\r\n" + strings.Repeat("x", 128))
	go canned(ln, answer)
	b := start(t, Config{AccessLog: AccessTo(io.Discard)})
	b.route(ln.Addr().(*net.TCPAddr).AddrPort())
	w := b.dial()
	request, got := []byte(request11("User-Agent: test", "Accept: */*", "Cookie: a=b")), make([]byte, len(answer))
	perRequest := testing.AllocsPerRun(500, func() {
		if _, err := w.Conn.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(w.Conn, got); err != nil {
			t.Fatal(err)
		}
	})
	if !bytes.HasSuffix(got, answer[len(answer)-128:]) {
		t.Errorf("got %q", got)
	}
	if perRequest > 0 {
		t.Errorf("%v allocations a request", perRequest)
	}
}
