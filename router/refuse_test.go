package router

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// untouched is a target that must not be reached.
func untouched(t *testing.T) *bench {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the app was reached by %s %s", r.Method, r.URL)
	}))
	return b
}

func TestAmbiguousRequestsAreRefusedAndTheConnectionCloses(t *testing.T) {
	const line = "POST / HTTP/1.1\r\nHost: app.test\r\n"
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n"
	b := untouched(t)
	for name, head := range map[string]string{
		"CL.TE":                       line + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
		"TE.CL":                       line + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n",
		"TE.TE":                       line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
		"TE xchunked":                 line + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"TE with a tab":               line + "Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
		"TE with a blank before it":   line + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"TE folded":                   line + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		"TE on a folded line":         line + "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"TE after a bare LF":          line + "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"TE after a bare CR":          line + "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"TE in HTTP/1.0":              "POST / HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two lengths":                 line + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
		"a list of lengths":           line + "Content-Length: 0, 44\r\n\r\n",
		"a length with a plus":        line + "Content-Length: +44\r\n\r\n",
		"NUL":                         line + "X: \x00\r\n\r\n",
		"bare LF":                     "POST / HTTP/1.1\nHost: app.test\n\n",
		"an injected field in a path": "GET /x\r\nX: y HTTP/1.1\r\nHost: app.test\r\n\r\n",
		"two hosts":                   line + "Host: other.test\r\n\r\n",
		"an empty first line":         "\r\n" + line + "\r\n",
	} {
		w := b.dial()
		w.send(head + smuggled)
		resp, _ := w.receive("POST")
		if resp.StatusCode != 400 || !resp.Close {
			t.Errorf("%s: status %d, close %t", name, resp.StatusCode, resp.Close)
		}
		if rest := w.rest(); rest != "" {
			t.Errorf("%s: more was answered: %q", name, rest)
		}
	}
}

func TestMalformedBodiesAreRefusedAndNeverLookCompleteToTheApp(t *testing.T) {
	for name, body := range map[string]string{
		"a size that is no number":     "zz\r\nabc\r\n0\r\n\r\n",
		"a size that overflows":        "ffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
		"a negative size":              "-1\r\nabc\r\n0\r\n\r\n",
		"a size followed by a blank":   "3 \r\nabc\r\n0\r\n\r\n",
		"a size line ended by LF":      "3\nabc\r\n0\r\n\r\n",
		"data that is too long":        "3\r\nabcd\r\n0\r\n\r\n",
		"data ended by LF":             "3\r\nabc\n0\r\n\r\n",
		"an extension with a bare CR":  "3;a\rb\r\nabc\r\n0\r\n\r\n",
		"an extension with a bare LF":  "3;a\nb\r\nabc\r\n0\r\n\r\n",
		"an endless extension":         "3;" + strings.Repeat("a", 5000) + "\r\nabc\r\n0\r\n\r\n",
		"a malformed trailer":          "3\r\nabc\r\n0\r\nX : y\r\n\r\n",
		"a trailer ended by a bare LF": "3\r\nabc\r\n0\r\nX: y\n\r\n",
	} {
		b := start(t, Config{})
		whole := make(chan error, 1)
		b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			whole <- err
		}))
		w := b.dial()
		w.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
		resp, _ := w.receive("POST")
		if resp.StatusCode != 400 || !resp.Close {
			t.Errorf("%s: status %d, close %t", name, resp.StatusCode, resp.Close)
		}
		select {
		case err := <-whole:
			if err == nil {
				t.Errorf("%s: the app took the body for complete", name)
			}
		default: // the app was not reached, or is not through
		}
	}
}

func TestRequestsThatAreNotOfferedAreRefused(t *testing.T) {
	b := untouched(t)
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"CONNECT":         {"CONNECT app.test:443 HTTP/1.1\r\nHost: app.test\r\n\r\n", 405},
		"HTTP/2 preface":  {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		"an expectation":  {request11("Expect: tea"), 417},
		"too many fields": {request11(strings.Repeat("X: y\r\n", 101)), 431},
		"too many bytes":  {request11("X: " + strings.Repeat("y", 66_000)), 431},
		"TLS":             {"\x16\x03\x01\x02\x00\x01\x00", 400},
	} {
		w := b.dial()
		w.send(c.request)
		if resp, _ := w.receive("GET"); resp.StatusCode != c.status || !resp.Close {
			t.Errorf("%s: status %d, close %t", name, resp.StatusCode, resp.Close)
		}
	}
}

func TestAHeaderUpToTheLimitIsServed(t *testing.T) {
	b := start(t, Config{})
	got := make(chan int, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) { got <- len(r.Header.Get("X-Big")) }))
	w := b.dial()
	for _, size := range []int{5_000, 40_000, 64_000} {
		w.send(request11("X-Big: " + strings.Repeat("y", size)))
		if resp, _ := w.receive("GET"); resp.StatusCode != 200 || <-got != size {
			t.Errorf("%d bytes: status %d", size, resp.StatusCode)
		}
	}
}

func TestASlowHeaderHoldsOnlyItsOwnConnection(t *testing.T) {
	b := start(t, Config{Limits: Limits{HeadTimeout: 300 * time.Millisecond}})
	b.route(says(t, "ok"))
	slow := b.dial()
	slow.send("GET / HTTP/1.1\r\nHost: app.test\r\nX: ")
	if status, _ := b.get("http://app.test/"); status != 200 {
		t.Errorf("status %d", status)
	}
	if resp, _ := slow.receive("GET"); resp.StatusCode != 408 || !resp.Close {
		t.Errorf("status %d, close %t", resp.StatusCode, resp.Close)
	}
}

func TestDrippingBytesDoNotProlongAHeader(t *testing.T) {
	b := start(t, Config{Limits: Limits{HeadTimeout: 500 * time.Millisecond}})
	b.route(says(t, "ok"))
	w := b.dial()
	w.send("GET / HTTP/1.1\r\nHost: app.test\r\nX: ")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
			if _, err := io.WriteString(w.Conn, "y"); err != nil {
				tick.Stop()
				return
			}
		}
	}()
	if resp, _ := w.receive("GET"); resp.StatusCode != 408 {
		t.Errorf("status %d", resp.StatusCode)
	}
	_ = w.Close()
	<-ended
}

func TestABodyThatStopsArrivingGivesA408(t *testing.T) {
	for name, request := range map[string]string{
		"small":   "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nabc",
		"large":   "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000000\r\n\r\nabc",
		"chunked": "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		b := start(t, Config{Limits: Limits{BodyTimeout: 100 * time.Millisecond}})
		b.route(app(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
		w := b.dial()
		w.send(request)
		if resp, _ := w.receive("POST"); resp.StatusCode != 408 || !resp.Close {
			t.Errorf("%s: status %d, close %t", name, resp.StatusCode, resp.Close)
		}
	}
}

func TestAnIdleConnectionIsClosedInTime(t *testing.T) {
	b := start(t, Config{Limits: Limits{IdleTimeout: 50 * time.Millisecond}})
	b.route(says(t, "ok"))
	w := b.dial()
	w.send(request11())
	w.receive("GET")
	if _, err := w.ReadByte(); err != io.EOF {
		t.Errorf("got %v", err)
	}
}

func TestAClientThatDoesNotReadIsCut(t *testing.T) {
	b := start(t, Config{Limits: Limits{BodyTimeout: 200 * time.Millisecond}})
	failed := make(chan error, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		block := make([]byte, 1<<20)
		for {
			if _, err := w.Write(block); err != nil {
				failed <- err
				return
			}
		}
	}))
	w := b.dial()
	w.send(request11())
	select {
	case <-failed:
	case <-time.After(patience):
		t.Fatal("the app was never told")
	}
	eventually(t, "the connection is forgotten", func() bool { return b.clients.count() == 0 })
}

func TestAClientThatLeavesFreesItsApp(t *testing.T) {
	b := start(t, Config{})
	left := make(chan struct{})
	asked := make(chan struct{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(left)
	}))
	w := b.dial()
	w.send(request11())
	<-asked
	_ = w.Close()
	select {
	case <-left:
	case <-time.After(patience):
		t.Fatal("the app was never told")
	}
	eventually(t, "the request is counted", func() bool { s, _ := b.Stats("app"); return s.Requests[4] == 1 && s.InFlight == 0 })
}

func TestOneAddressHoldsOnlySoManyConnections(t *testing.T) {
	b := start(t, Config{Limits: Limits{ConnectionsPerClient: 2}})
	b.route(says(t, "ok"))
	one, two := b.dial(), b.dial()
	for _, w := range []*wire{one, two} {
		w.send(request11())
		w.receive("GET")
	}
	three := b.dial()
	if resp, _ := three.receive("GET"); resp.StatusCode != 429 || !resp.Close {
		t.Errorf("status %d", resp.StatusCode)
	}
	_ = one.Close()
	eventually(t, "there is room again", func() bool { return b.clients.count() == 1 })
	four := b.dial()
	four.send(request11())
	if resp, _ := four.receive("GET"); resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestTheTotalOfConnectionsIsBounded(t *testing.T) {
	b := start(t, Config{Limits: Limits{Connections: 1}})
	b.route(says(t, "ok"))
	one := b.dial()
	one.send(request11())
	one.receive("GET")
	if resp, _ := b.dial().receive("GET"); resp.StatusCode != 503 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestARefusingTargetIsPassedOverAndTriedWhenNoneIsLeft(t *testing.T) {
	b := start(t, Config{})
	dead, alive := nobody(t), says(t, "ok")
	b.route(dead, alive)
	for range 20 {
		if status, body := b.get("http://app.test/"); status != 200 || body != "ok" {
			t.Fatalf("status %d, body %q", status, body)
		}
	}
	b.route(dead)
	if status, _ := b.get("http://app.test/"); status != 502 {
		t.Errorf("status %d", status)
	}
	for _, x := range b.table.Load().allTargets() {
		if !x.aside(b.watch.clock.Load()) {
			t.Errorf("%s is not set aside", x.addr)
		}
	}
	back := rawAppAt(t, dead.String(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback")
	if status, body := b.get("http://app.test/"); status != 200 || body != "back" {
		t.Errorf("%s: status %d, body %q", back, status, body)
	}
	for _, x := range b.table.Load().allTargets() {
		if x.aside(b.watch.clock.Load()) {
			t.Errorf("%s is still set aside", x.addr)
		}
	}
}

// rawAppAt answers the first request of each connection to addr.
func rawAppAt(t *testing.T, addr, answer string) net.Addr {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, answer)
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return ln.Addr()
}

func TestAConnectionThatTheAppClosedIsNotUsedAgain(t *testing.T) {
	b := start(t, Config{})
	closed := make(chan struct{}, 100)
	b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) {
		q, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, q.Body)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = c.Close()
		closed <- struct{}{}
	}))
	w := b.dial()
	for i := range 50 {
		if i%2 == 0 {
			w.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\nx")
		} else {
			w.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
		}
		if resp, _ := w.receive("POST"); resp.StatusCode != 200 {
			t.Fatalf("request %d: status %d", i, resp.StatusCode)
		}
		<-closed
	}
}

func TestAConnectionOnWhichTheAppSpokeUnaskedIsNotUsedAgain(t *testing.T) {
	b := start(t, Config{})
	spoke := make(chan struct{}, 100)
	b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) {
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			spoke <- struct{}{}
		}
	}))
	w := b.dial()
	for range 20 {
		w.send(request11())
		if _, body := w.receive("GET"); body != "ok" {
			t.Fatalf("body %q", body)
		}
		<-spoke
	}
}

func TestARequestLostOnAReusedConnectionIsSentAgainOnlyWhenThatIsSafe(t *testing.T) {
	for method, want := range map[string]int{"GET": 200, "POST": 502} {
		b := start(t, Config{})
		b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) {
			for i := range 2 {
				q, err := http.ReadRequest(r)
				if err != nil || i == 1 {
					return // the second request of a connection is read and lost
				}
				_, _ = io.Copy(io.Discard, q.Body)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}))
		w := b.dial()
		for i, status := range []int{200, want} {
			w.send(method + " / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\nx")
			if resp, _ := w.receive(method); resp.StatusCode != status {
				t.Errorf("%s %d: status %d, want %d", method, i, resp.StatusCode, status)
			}
		}
	}
}
