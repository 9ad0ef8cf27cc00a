package router

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"golang.org/x/net/http2"
)

// testTLS is a server's TLS configuration with a certificate that nobody knows.
func testTLS(t testing.TB) *tls.Config {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
}

// startTLS is start with a listener of TLS besides, at the address returned.
func startTLS(t testing.TB, c Config) (*bench, string) {
	t.Helper()
	b := start(t, c)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", testTLS(t))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		b.stop()
		<-served
	})
	return b, ln.Addr().String()
}

// client2 returns a client that speaks HTTP/2 to addr whatever the host, over one connection.
func client2(t testing.TB, addr string) *http.Client {
	tr := &http2.Transport{
		DialTLSContext: func(ctx context.Context, network, _ string, _ *tls.Config) (net.Conn, error) {
			return dialTLS(ctx, addr)
		},
		DisableCompression: true,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

func dialTLS(ctx context.Context, addr string) (net.Conn, error) {
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	return d.DialContext(ctx, "tcp", addr)
}
