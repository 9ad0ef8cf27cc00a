package router

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"csph/router/udp"
)

// tally counts what a kind of clients asked and how often that failed.
type tally struct {
	kind          string
	least         int64 // that are needed for a verdict
	asked, failed atomic.Int64
	first         atomic.Value // the first failure
}

func (c *tally) note(err error) {
	c.asked.Add(1)
	if err != nil && c.failed.Add(1) == 1 {
		c.first.Store(err.Error())
	}
}

// crowd is clients of every kind, asking all the time. None of them hides a failure by asking again,
// but for HTTP/2 streams that the router declared unseen.
type crowd struct {
	stop    context.CancelFunc
	clients sync.WaitGroup
	tallies []*tally
}

func startCrowd(t *testing.T, d *doors) *crowd {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := &crowd{stop: stop}
	plain, secure, packets := d.plain.Addr().String(), d.secure.Addr().String(), d.packets()
	add := func(kind string, least int64, n int, ask func(*tally)) {
		x := &tally{kind: kind, least: least}
		c.tallies = append(c.tallies, x)
		for range n {
			c.clients.Go(func() { ask(x) })
		}
	}
	add("HTTP/1.1, kept alive", 200, 4, func(x *tally) { askKeptAlive(ctx, plain, x) })
	add("HTTP/1.1, a connection each", 200, 2, func(x *tally) { askOnceEach(ctx, plain, x) })
	add("HTTP/2", 200, 2, func(x *tally) { askClient(ctx, client2(t, secure), 2, x) })
	add("HTTP/2, nothing sent twice", 200, 2, func(x *tally) { askStubbornly(ctx, secure, x) })
	add("HTTP/3, kept alive", 100, 2, func(x *tally) { askClient(ctx, client3(t, packets), 3, x) })
	add("HTTP/3, a connection each", 25, 1, func(x *tally) {
		for ctx.Err() == nil {
			askClientOnce(packets, x)
		}
	})
	add("websocket", 200, 8, func(x *tally) { askSocket(ctx, plain, x) })
	t.Cleanup(func() { stop(); c.clients.Wait() })
	return c
}

// enough reports whether there are requests of every kind enough for a verdict, or a failure.
func (c *crowd) enough() bool {
	for _, x := range c.tallies {
		if x.asked.Load() < x.least+x.least/4 && x.failed.Load() == 0 {
			return false
		}
	}
	return true
}

// end stops the clients and reports their counts; a failure, or too few requests, is the test's.
func (c *crowd) end(t *testing.T) {
	t.Helper()
	c.stop()
	c.clients.Wait()
	for _, x := range c.tallies {
		t.Logf("%s: %d, %d failed", x.kind, x.asked.Load(), x.failed.Load())
		if x.failed.Load() > 0 || x.asked.Load() < x.least {
			t.Errorf("%s: %d of %d failed, the first one: %v; %d are needed for a verdict", x.kind, x.failed.Load(), x.asked.Load(), x.first.Load(), x.least)
		}
	}
}

const pace = time.Millisecond

// askKeptAlive uses a connection until the router says that it closes it.
func askKeptAlive(ctx context.Context, addr string, x *tally) {
	for ctx.Err() == nil {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			x.note(err)
			continue
		}
		answers := bufio.NewReader(c)
		for last := false; !last && ctx.Err() == nil; time.Sleep(pace) {
			last, err = askOn(c, answers)
			x.note(err)
			last = last || err != nil
		}
		_ = c.Close()
	}
}

func askOnceEach(ctx context.Context, addr string, x *tally) {
	for ; ctx.Err() == nil; time.Sleep(pace) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_, err = askOn(c, bufio.NewReader(c))
			_ = c.Close()
		}
		x.note(err)
	}
}

// askOn sends a request and reads its answer; last says that the connection carries no more.
func askOn(c net.Conn, answers *bufio.Reader) (last bool, err error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request11()); err != nil {
		return true, err
	}
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		return true, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(resp.Status))
	}
	return resp.Close, err
}

// askClient asks over one connection after the other.
func askClient(ctx context.Context, client *http.Client, version int, x *tally) {
	for ; ctx.Err() == nil; time.Sleep(pace) {
		x.note(askOver(client, version))
	}
}

// askClientOnce asks over a connection of HTTP/3 that carries nothing else.
func askClientOnce(addr string, x *tally) {
	tr := transport3(addr)
	defer tr.Close()
	x.note(askOver(&http.Client{Transport: tr, Timeout: patience}, 3))
}

func askOver(client *http.Client, version int) error {
	resp, err := client.Get("https://app.test/")
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != version {
		err = errors.Join(err, fmt.Errorf("%s over %s", resp.Status, resp.Proto))
	}
	return err
}

// askSocket sends messages on one websocket; each must come back.
func askSocket(ctx context.Context, addr string, x *tally) {
	ws, err := dialSocket(addr)
	if err != nil {
		x.note(err)
		return
	}
	defer ws.Close()
	for n := 0; ctx.Err() == nil; n++ {
		var back int
		err := websocket.JSON.Send(ws, n)
		if err == nil {
			err = websocket.JSON.Receive(ws, &back)
		}
		if err == nil && back != n {
			err = fmt.Errorf("%d came back as %d", n, back)
		}
		if x.note(err); err != nil {
			return
		}
		time.Sleep(pace)
	}
}

func dialSocket(addr string) (*websocket.Conn, error) {
	config, err := websocket.NewConfig("ws://app.test/socket", "http://app.test")
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(2 * patience))
	return websocket.NewClient(config, c)
}

// echoApp is an app with a websocket that sends everything back.
func echoApp(t testing.TB) netip.AddrPort {
	socket := websocket.Handler(func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) })
	return app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/socket" {
			socket.ServeHTTP(w, r)
			return
		}
		_, _ = io.WriteString(w, "hello")
	})
}

// doors are the sockets of a router, which another can be given as well.
type doors struct {
	plain, secure *net.TCPListener
	port          *udp.Port // of the router that was the last to serve
}

func openDoors(t *testing.T) *doors {
	open := func() *net.TCPListener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
		return ln.(*net.TCPListener)
	}
	return &doors{plain: open(), secure: open()}
}

// packets is where HTTP/3 is served.
func (d *doors) packets() string { return d.port.LocalAddr().String() }

// openPort takes over the port of the router that served before, as a process that inherits it does.
func (d *doors) openPort(t *testing.T) *udp.Port {
	t.Helper()
	var left []*os.File
	var err error
	if d.port != nil {
		if left, err = d.port.Bequeath(); err != nil {
			t.Fatal(err)
		}
	}
	if d.port, err = udp.Listen("127.0.0.1:0", left, nil); err != nil {
		t.Fatal(err)
	}
	return d.port
}

// again returns another listener on the socket of ln, as a process that inherits it has.
func again(t *testing.T, ln *net.TCPListener) net.Listener {
	t.Helper()
	f, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// serve has r accept at the doors until the returned function is called, which leaves the sockets open.
func (d *doors) serve(t *testing.T, r *Router, secure *tls.Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	for _, ln := range []net.Listener{again(t, d.plain), tls.NewListener(again(t, d.secure), secure)} {
		serving.Go(func() {
			if err := r.Serve(ctx, ln); !errors.Is(err, context.Canceled) && !errors.Is(err, ErrStopped) {
				t.Errorf("Serve: %v", err)
			}
		})
	}
	port := d.openPort(t)
	serving.Go(func() {
		if err := r.ServeQUIC(ctx, port, secure); !errors.Is(err, context.Canceled) && !errors.Is(err, ErrStopped) {
			t.Errorf("ServeQUIC: %v", err)
		}
	})
	return func() { cancel(); serving.Wait() }
}

func TestTwoHundredSwapsAndAChangeOfRoutersUnderLoadFailNothing(t *testing.T) {
	d, secure := openDoors(t), testTLS(t)
	first, second := New(Config{Limits: Limits{LastRequest: 2 * time.Second}}), New(Config{})
	apps := [][]netip.AddrPort{{echoApp(t), echoApp(t)}, {echoApp(t), echoApp(t)}}
	for _, r := range []*Router{first, second} {
		if _, err := r.Swap(t.Context(), "app", []string{"app.test"}, apps[0]); err != nil {
			t.Fatal(err)
		}
	}
	stop := d.serve(t, first, secure)
	load := startCrowd(t, d)
	cut := 0
	for i := range 200 {
		replaced, err := first.Swap(t.Context(), "app", []string{"app.test"}, apps[(i+1)%2])
		if err != nil || len(replaced) != 2 {
			t.Fatalf("swap %d: replaced %v, %v", i, replaced, err)
		}
		n, err := first.Drain(t.Context(), replaced, patience)
		if err != nil {
			t.Fatal(err)
		}
		cut += n
	}
	end := d.serve(t, second, secure)
	stop()
	retired := make(chan error, 1)
	go func() { retired <- first.Retire(t.Context()) }()
	eventually(t, "the second router serves alone", func() bool {
		s, _ := second.Stats("app")
		return s.Requests[2] > 200 && first.clients.count() <= 8 && load.enough() // 8 are the websockets
	})
	load.end(t)
	if err := <-retired; err != nil {
		t.Errorf("Retire: %v", err)
	}
	if cut > 0 {
		t.Errorf("%d requests were cut by the drains", cut)
	}
	end()
	if err := second.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestAnIdleConnectionCarriesOneMoreRequestWhenTheRouterRetires(t *testing.T) {
	d := openDoors(t)
	r := New(Config{Limits: Limits{LastRequest: patience}})
	if _, err := r.Swap(t.Context(), "app", []string{"app.test"}, []netip.AddrPort{says(t, "hello")}); err != nil {
		t.Fatal(err)
	}
	stop := d.serve(t, r, testTLS(t))
	c, err := net.Dial("tcp", d.plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	if last, err := askOn(c, answers); err != nil || last {
		t.Fatalf("before: %v, last %v", err, last)
	}
	stop()
	ctx, cancel := context.WithCancel(t.Context())
	retired := make(chan error, 1)
	go func() { retired <- r.Retire(ctx) }()
	eventually(t, "it retires", r.stopping)
	if last, err := askOn(c, answers); err != nil || !last {
		t.Errorf("the last request: %v, last %v", err, last)
	}
	if _, err := answers.ReadByte(); err != io.EOF {
		t.Errorf("after its last answer the connection says %v", err)
	}
	cancel() // nothing is left but the time for other connections
	if err := <-retired; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTheFirstRequestOfAConnectionOfHTTP2ThatCameLastIsAnswered(t *testing.T) {
	d := openDoors(t)
	r := New(Config{})
	if _, err := r.Swap(t.Context(), "app", []string{"app.test"}, []netip.AddrPort{says(t, "hello")}); err != nil {
		t.Fatal(err)
	}
	stop := d.serve(t, r, testTLS(t))
	f := dialFrames(t, d.secure.Addr().String())
	eventually(t, "it is served", func() bool { return r.clients.count() == 1 })
	stop()
	ctx, cancel := context.WithCancel(t.Context())
	retired := make(chan error, 1)
	go func() { retired <- r.Retire(ctx) }()
	eventually(t, "it retires", r.stopping)
	f.ask(1, true, ":method", "GET", ":scheme", "https", ":authority", "app.test", ":path", "/")
	if got := f.outcome(1); got != "200" {
		t.Errorf("its request: %s", got)
	}
	cancel()
	if err := <-retired; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWebsocketsOfARetiredRouterHaveTheirTimeAndAreThenToldToGo(t *testing.T) {
	d := openDoors(t)
	const given = 2 * time.Second // a busy machine must get a message through meanwhile
	r := New(Config{Limits: Limits{LastRequest: time.Millisecond, StreamDrain: given, StreamSpread: 50 * time.Millisecond}})
	if _, err := r.Swap(t.Context(), "app", []string{"app.test"}, []netip.AddrPort{echoApp(t)}); err != nil {
		t.Fatal(err)
	}
	stop := d.serve(t, r, testTLS(t))
	ws, err := dialSocket(d.plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	stop()
	began, retired := time.Now(), make(chan error, 1)
	go func() { retired <- r.Retire(t.Context()) }()
	eventually(t, "idle connections are given up", r.retirement.tooLate)
	var back int
	if err := errors.Join(websocket.JSON.Send(ws, 7), websocket.JSON.Receive(ws, &back)); err != nil || back != 7 {
		t.Errorf("a message in the meantime: %d, %v", back, err)
	}
	if err := websocket.JSON.Receive(ws, &back); err != io.EOF {
		t.Errorf("it ends with %v", err)
	}
	if took := time.Since(began); took < given {
		t.Errorf("it was given %v", took)
	}
	if err := <-retired; err != nil {
		t.Error(err)
	}
}
