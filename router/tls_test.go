package router

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestAListenerOfTLSIsServed(t *testing.T) {
	b := start(t, Config{})
	seen := make(chan string, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("X-Forwarded-Proto")
		_, _ = io.Copy(w, io.LimitReader(zeros{}, 300_000))
	}))
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", secure.TLS)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(t.Context(), ln) }()
	c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := &wire{Conn: c, Reader: bufio.NewReader(c), t: t}
	for range 2 {
		w.send(request11())
		if resp, body := w.receive("GET"); resp.StatusCode != 200 || len(body) != 300_000 {
			t.Errorf("status %d, %d bytes", resp.StatusCode, len(body))
		}
		if proto := <-seen; proto != "https" {
			t.Errorf("proto %q", proto)
		}
	}
}

func TestAClientOfTLSThatLeavesFreesItsApp(t *testing.T) {
	b, addr := startTLS(t, Config{})
	asked, left := make(chan struct{}), make(chan struct{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(left)
	}))
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, request11()); err != nil {
		t.Fatal(err)
	}
	<-asked
	_ = c.Close()
	select {
	case <-left:
	case <-time.After(patience):
		t.Fatal("the app was never told")
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
