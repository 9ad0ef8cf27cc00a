package router

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"csph/test/port"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// bench is a router that serves a listener, and what tests ask of it.
type bench struct {
	*Router
	t    testing.TB
	addr string
	log  *lines
}

// lines collects log output.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func start(t testing.TB, c Config) *bench {
	t.Helper()
	log := &lines{}
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Router: New(c), t: t, addr: ln.Addr().String(), log: log}
	served := make(chan error, 1)
	go func() { served <- b.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if b.life.Err() == nil {
			_ = b.Shutdown(ctx)
		}
		if err := <-served; err != ErrStopped {
			t.Errorf("Serve returned %v", err)
		}
	})
	return b
}

// route gives app.test to the targets.
func (b *bench) route(targets ...netip.AddrPort) {
	b.t.Helper()
	if _, err := b.Swap(context.Background(), "app", []string{"app.test"}, targets); err != nil {
		b.t.Fatal(err)
	}
}

// app starts a real server as a target.
func app(t testing.TB, h http.HandlerFunc) netip.AddrPort {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

// says is an app that answers with text.
func says(t testing.TB, text string) netip.AddrPort {
	return app(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, text) })
}

// rawApp starts a target that serves each connection by hand.
func rawApp(t testing.TB, serve func(net.Conn, *bufio.Reader)) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(patience))
			all.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ctx, func() { _ = c.Close() })()
				serve(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = ln.Close()
		all.Wait()
	})
	return netip.MustParseAddrPort(ln.Addr().String())
}

// answersRaw is a target that reads one request after the other and answers each with text, verbatim.
func answersRaw(t testing.TB, text string, last bool) netip.AddrPort {
	return rawApp(t, func(c net.Conn, r *bufio.Reader) {
		for {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, q.Body)
			if _, err := io.WriteString(c, text); err != nil || last {
				return
			}
		}
	})
}

// nobody returns an address that refuses connections.
func nobody(t testing.TB) netip.AddrPort {
	t.Helper()
	return netip.MustParseAddrPort(port.Reserve(t))
}

// client returns an HTTP client that reaches the router whatever the host.
func (b *bench) client() *http.Client {
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, b.addr)
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
	}
	b.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

func (b *bench) get(url string) (int, string) {
	b.t.Helper()
	resp, err := b.client().Get(url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// wire is a connection to the router, used by hand.
type wire struct {
	net.Conn
	*bufio.Reader
	t testing.TB
}

func (b *bench) dial() *wire {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	b.t.Cleanup(func() { _ = c.Close() })
	return &wire{Conn: c, Reader: bufio.NewReader(c), t: b.t}
}

func (w *wire) Read(p []byte) (int, error) { return w.Reader.Read(p) }

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.Conn, text); err != nil {
		w.t.Fatal(err)
	}
}

// receive reads one answer, body included.
func (w *wire) receive(method string) (*http.Response, string) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.Reader, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("read the answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("read the body: %v", err)
	}
	return resp, string(body)
}

// rest reads to the end of the connection; a reset counts as an end.
func (w *wire) rest() string {
	b, _ := io.ReadAll(w.Reader)
	return string(b)
}

// eventually waits for a condition that has no channel to wait on: the state of another process' side.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !ok(); {
		if time.Now().After(until) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// request is a GET of app.test with further header lines.
func request11(fields ...string) string {
	return "GET / HTTP/1.1\r\nHost: app.test\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}
