package router

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"csph/router/udp"
)

// startQUIC is startTLS with HTTP/3 besides; addr3 is its address.
func startQUIC(t *testing.T, c Config) (b *bench, addr, addr3 string) {
	t.Helper()
	b, addr = startTLS(t, c)
	port, err := udp.Listen("127.0.0.1:0", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.ServeQUIC(context.Background(), port, testTLS(t)) }()
	t.Cleanup(func() {
		b.stop()
		if err := <-served; err != ErrStopped {
			t.Errorf("ServeQUIC returned %v", err)
		}
	})
	eventually(t, "HTTP/3 is announced", func() bool { return len(*b.altSvc.Load()) > 0 })
	return b, addr, port.LocalAddr().String()
}

// client3 returns a client that speaks HTTP/3 to addr whatever the host.
func client3(t testing.TB, addr string) *http.Client {
	tr := transport3(addr)
	t.Cleanup(func() { _ = tr.Close() })
	return &http.Client{Transport: tr, Timeout: patience}
}

func transport3(addr string) *http3.Transport {
	return &http3.Transport{Dial: func(ctx context.Context, _ string, _ *tls.Config, c *quic.Config) (*quic.Conn, error) {
		return dialQUIC(ctx, addr, c)
	}}
}

func dialQUIC(ctx context.Context, addr string, c *quic.Config) (*quic.Conn, error) {
	return quic.DialAddr(ctx, addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}}, c)
}

func TestARequestOfHTTP3ReachesItsAppAndTheAnswerItsClient(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s %d %d", r.Proto, r.Method, r.Host, r.RequestURI, r.ContentLength, len(r.TransferEncoding))
		fmt.Fprint(w, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"])
	}))
	resp, err := client3(t, addr).Get("https://app.test/a%20b?c=d")
	if err != nil {
		t.Fatal(err)
	}
	want := "HTTP/1.1 GET app.test /a%20b?c=d 0 0[127.0.0.1] [https]"
	if body := readAll(t, resp); resp.ProtoMajor != 3 || body != want || resp.ContentLength != int64(len(body)) {
		t.Errorf("%s, length %d, %q", resp.Proto, resp.ContentLength, body)
	}
	if resp.Header.Get("Alt-Svc") != "" {
		t.Error("HTTP/3 is announced to those who use it")
	}
	if s, _ := b.Stats("app"); s.Requests[2] != 1 || s.InFlight != 0 {
		t.Errorf("counted %+v", s)
	}
}

func TestBodiesOfHTTP3ArriveWholeBothWays(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	b.route(app(t, echoes(t)))
	checkBodies(t, client3(t, addr))
}

func TestARequestOfHTTP3CutShortNeverLooksCompleteToTheApp(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	checkCutShort(t, b, client3(t, addr))
}

func TestAClientOfHTTP3ThatGivesUpFreesItsAppAtOnce(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	checkGivesUp(t, b, client3(t, addr))
}

func TestAConnectionOfHTTP3TooManyIsClosedAndSaysWhy(t *testing.T) {
	b, _, addr := startQUIC(t, Config{Limits: Limits{ConnectionsPerClient: 1}})
	b.route(says(t, "ok"))
	one := client3(t, addr)
	if resp, err := one.Get("https://app.test/"); err != nil || readAll(t, resp) != "ok" {
		t.Fatalf("error %v", err)
	}
	more, err := dialQUIC(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	var told *quic.ApplicationError
	select {
	case <-more.Context().Done():
		if err := context.Cause(more.Context()); !errors.As(err, &told) || told.ErrorCode != quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad) {
			t.Errorf("it was closed with %v", err)
		}
	case <-time.After(patience):
		t.Error("it stays open")
	}
	if resp, err := one.Get("https://app.test/"); err != nil || readAll(t, resp) != "ok" {
		t.Errorf("the first connection: error %v", err)
	}
}

func TestAClientOfHTTP3ThatDoesNotReadHoldsOnlyItsOwnStream(t *testing.T) {
	b, _, addr := startQUIC(t, Config{Limits: Limits{BodyTimeout: 300 * time.Millisecond}})
	told := make(chan error, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/small" {
			return
		}
		_, err := io.Copy(w, io.LimitReader(zeros{}, 100_000_000))
		told <- err
	}))
	c := client3(t, addr)
	large, err := c.Get("https://app.test/large")
	if err != nil {
		t.Fatal(err)
	}
	defer large.Body.Close()
	select {
	case err := <-told:
		if err == nil {
			t.Error("the app wrote it all to nobody")
		}
	case <-time.After(patience):
		t.Fatal("the app was never told")
	}
	if resp, err := c.Get("https://app.test/small"); err != nil || resp.StatusCode != 200 {
		t.Errorf("another stream of the connection: %v", err)
	}
}

func TestHTTP3IsAnnouncedOverTLSOnly(t *testing.T) {
	b, addr, addr3 := startQUIC(t, Config{})
	b.route(says(t, "ok"))
	resp, err := client2(t, addr).Get("https://app.test/")
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, resp)
	_, port, _ := net.SplitHostPort(addr3)
	if got := resp.Header.Get("Alt-Svc"); got != `h3=":`+port+`"; ma=86400` {
		t.Errorf("Alt-Svc: %q", got)
	}
	w := b.dial()
	w.send(request11())
	if resp, _ := w.receive("GET"); resp.Header.Get("Alt-Svc") != "" {
		t.Errorf("Alt-Svc without TLS: %q", resp.Header.Get("Alt-Svc"))
	}
}

func TestAnAnswerCutShortResetsItsStreamOfHTTP3(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	c := client3(t, addr)
	for name, head := range map[string]string{
		"sized":   "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		b.route(answersRaw(t, head, true))
		resp, err := c.Get("https://app.test/")
		if err != nil {
			t.Logf("%s: %v", name, err) // the reset may overtake the head
			continue
		}
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: %q looks complete", name, body)
		}
		resp.Body.Close()
	}
}

func TestShutdownFinishesWhatIsInFlightOverHTTP3(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	asked, release := make(chan struct{}), make(chan struct{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-release
		_, _ = io.WriteString(w, "whole")
	}))
	c := client3(t, addr)
	answer := make(chan string, 1)
	go func() {
		resp, err := c.Get("https://app.test/")
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- readAll(t, resp)
	}()
	<-asked
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		stopped <- b.Shutdown(ctx)
	}()
	<-b.life.Done()
	close(release)
	if got := <-answer; got != "whole" {
		t.Errorf("the request in flight: %s", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestBodiesOfHTTP3AreWholeThatWereUnderWayWhenTheRouterChanged(t *testing.T) {
	d, secure := openDoors(t), testTLS(t)
	old, next := New(Config{Limits: Limits{LastRequest: time.Millisecond}}), New(Config{})
	for _, r := range []*Router{old, next} {
		if _, err := r.Swap(t.Context(), "app", []string{"app.test"}, []netip.AddrPort{app(t, echoes(t))}); err != nil {
			t.Fatal(err)
		}
	}
	stop := d.serve(t, old, secure)
	first, rest := bytes.Repeat([]byte("1"), 1<<20), bytes.Repeat([]byte("2"), 4<<20)
	body, feed := io.Pipe()
	answer, client := make(chan []byte, 1), client3(t, d.packets())
	go func() {
		defer close(answer)
		resp, err := client.Post("https://app.test/", "", body)
		if err != nil {
			t.Error(err)
			return
		}
		answer <- []byte(readAll(t, resp))
	}()
	_, _ = feed.Write(first)
	eventually(t, "the request is under way", func() bool {
		s, _ := old.Stats("app")
		return s.InFlight == 1
	})
	end := d.serve(t, next, secure)
	stop()
	retired := make(chan error, 1)
	go func() { retired <- old.Retire(t.Context()) }()
	if err := askOver(client3(t, d.packets()), 3); err != nil {
		t.Errorf("a new client: %v", err)
	}
	_, _ = feed.Write(rest)
	_ = feed.Close()
	if got := <-answer; !bytes.Equal(got, append(first, rest...)) {
		t.Errorf("%d bytes came back", len(got))
	}
	if s, _ := next.Stats("app"); s.Requests[2] != 1 {
		t.Errorf("the new router answered %d requests, want the new client's", s.Requests[2])
	}
	if err := <-retired; err != nil {
		t.Errorf("Retire: %v", err)
	}
	end()
	if err := next.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// slowPath passes packets between one client and to, and loses some of those to the client. The rest of them takes
// its time, in order.
func slowPath(t *testing.T, to string) (addr string) {
	t.Helper()
	const delay, lostOf = 20 * time.Millisecond, 7
	near, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	far, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
	var client atomic.Pointer[net.Addr]
	go func() {
		for b := make([]byte, 2048); ; {
			n, from, err := near.ReadFrom(b)
			if err != nil {
				return
			}
			client.Store(&from)
			_, _ = far.Write(b[:n])
		}
	}()
	go func() {
		for i := 0; ; i++ {
			b := make([]byte, 2048)
			n, err := far.Read(b)
			if err != nil {
				return
			}
			if i%lostOf != lostOf-1 {
				time.AfterFunc(delay, func() { _, _ = near.WriteTo(b[:n], *client.Load()) })
			}
		}
	}()
	return near.LocalAddr().String()
}

func TestTheLastAnswerOfHTTP3ArrivesWholeOverASlowPathWithLosses(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	want := strings.Repeat("whole", 60_000)
	asked, release := make(chan struct{}), make(chan struct{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-release
		_, _ = io.WriteString(w, want)
	}))
	answer := make(chan string, 1)
	client := client3(t, slowPath(t, addr))
	go func() {
		defer close(answer)
		if resp, err := client.Get("https://app.test/"); err != nil {
			t.Error(err)
		} else {
			answer <- readAll(t, resp)
		}
	}()
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- b.Shutdown(t.Context()) }()
	select {
	case err := <-stopped:
		t.Errorf("it does not wait for the request in flight: %v", err)
	case <-time.After(2 * goAwayGrace): // from now on the end of the request is the end of the connection
	}
	close(release)
	if got := <-answer; got != want {
		t.Errorf("%d bytes of %d arrived", len(got), len(want))
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownClosesAConnectionOfHTTP3WhoseClientStays(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	conn, err := dialQUIC(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the router has it", func() bool { return b.clients.count() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	select {
	case <-conn.Context().Done():
	case <-time.After(patience):
		t.Error("the client was not told")
	}
}

// echoFrames is an app that upgrades to websocket and sends back what it gets.
func echoFrames(t testing.TB) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-Websocket-Key") == "" {
			http.Error(w, "no upgrade", http.StatusBadRequest)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
		_, _ = io.Copy(c, rw)
	}
}

func TestAWebsocketOverHTTP3IsAnUpgradeToItsApp(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	b.route(app(t, echoFrames(t)))
	conn, err := dialQUIC(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	client := (&http3.Transport{}).NewClientConn(conn)
	stream, err := client.OpenRequestStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.SetDeadline(time.Now().Add(patience))
	req, _ := http.NewRequest(http.MethodConnect, "https://app.test/chat", nil)
	req.Proto = "websocket"
	req.Header.Set("Sec-WebSocket-Version", "13")
	if err := stream.SendRequestHeader(req); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.ReadResponse()
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Sec-WebSocket-Accept") != "" {
		t.Fatalf("%+v, error %v", resp, err)
	}
	frame := "\x82\x05hello"
	if _, err := io.WriteString(stream, frame); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(frame))
	if _, err := io.ReadFull(stream, got); err != nil || string(got) != frame {
		t.Errorf("%q, error %v", got, err)
	}
	eventually(t, "it counts as a stream", func() bool {
		_, streams := b.table.Load().allTargets()[0].inFlight()
		return streams == 1
	})
	go func() { _ = b.Shutdown(context.Background()) }()
	rest, err := io.ReadAll(stream)
	if !strings.HasPrefix(string(rest), string(goingAway())) || err != nil {
		t.Errorf("the end: %q, error %v", rest, err)
	}
}

func TestAnExtendedConnectThatIsNotUpgradedIsAnsweredWithAnError(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	b.route(says(t, "no websocket here"))
	conn, err := dialQUIC(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	client := (&http3.Transport{}).NewClientConn(conn)
	for protocol, want := range map[string]int{"websocket": 502, "connect-udp": 501} {
		stream, err := client.OpenRequestStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = stream.SetDeadline(time.Now().Add(patience))
		req, _ := http.NewRequest(http.MethodConnect, "https://app.test/", nil)
		req.Proto = protocol
		if err := stream.SendRequestHeader(req); err != nil {
			t.Fatal(err)
		}
		if resp, err := stream.ReadResponse(); err != nil || resp.StatusCode != want {
			t.Errorf("%s: %+v, error %v", protocol, resp, err)
		}
	}
}
