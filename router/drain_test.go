package router

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// held is an app whose requests wait until they are let go.
type held struct {
	addr  netip.AddrPort
	asked chan struct{}
	free  chan struct{}
}

func newHeld(t *testing.T) *held {
	h := &held{asked: make(chan struct{}, 100), free: make(chan struct{})}
	h.addr = app(t, func(w http.ResponseWriter, r *http.Request) {
		h.asked <- struct{}{}
		select {
		case <-h.free:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "done")
	})
	return h
}

// replace swaps the app's target for one that answers "new" and returns what was replaced.
func (b *bench) replace(t *testing.T) []netip.AddrPort {
	t.Helper()
	replaced, err := b.Swap(context.Background(), "app", []string{"app.test"}, []netip.AddrPort{says(t, "new")})
	if err != nil {
		t.Fatal(err)
	}
	return replaced
}

func TestDrainWaitsForRequestsInFlight(t *testing.T) {
	b := start(t, Config{})
	h := newHeld(t)
	b.route(h.addr)
	w := b.dial()
	w.send(request11())
	<-h.asked
	replaced := b.replace(t)
	if status, body := b.get("http://app.test/"); status != 200 || body != "new" {
		t.Errorf("status %d, body %q", status, body)
	}
	drained := make(chan error, 1)
	go func() {
		cut, err := b.Drain(context.Background(), replaced, patience)
		if cut != 0 {
			err = fmt.Errorf("cut %d", cut)
		}
		drained <- err
	}()
	select {
	case err := <-drained:
		t.Fatalf("drained with a request in flight: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(h.free)
	if _, body := w.receive("GET"); body != "done" {
		t.Errorf("body %q", body)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestDrainCutsWhatIsLeftAtTheDeadline(t *testing.T) {
	b := start(t, Config{})
	h := newHeld(t)
	b.route(h.addr)
	var waiting []*wire
	for range 3 {
		w := b.dial()
		w.send(request11())
		waiting = append(waiting, w)
		<-h.asked
	}
	begun := time.Now()
	cut, err := b.Drain(context.Background(), b.replace(t), 50*time.Millisecond)
	if cut != 3 || err != nil || time.Since(begun) > patience/2 {
		t.Errorf("cut %d, error %v, after %s", cut, err, time.Since(begun))
	}
	for _, w := range waiting {
		if resp, _ := w.receive("GET"); resp.StatusCode != 504 {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
}

func TestDrainOfNothingReturnsAtOnce(t *testing.T) {
	b := start(t, Config{})
	target := says(t, "ok")
	b.route(target)
	b.get("http://app.test/")
	unknown := netip.MustParseAddrPort("127.0.0.1:1")
	for _, targets := range [][]netip.AddrPort{nil, {unknown}, {target}, b.replace(t)} {
		if cut, err := b.Drain(context.Background(), targets, patience); cut != 0 || err != nil {
			t.Errorf("%v: cut %d, error %v", targets, cut, err)
		}
	}
}

func TestDrainEndsWithItsContextAndCutsNothing(t *testing.T) {
	b := start(t, Config{})
	h := newHeld(t)
	b.route(h.addr)
	w := b.dial()
	w.send(request11())
	<-h.asked
	replaced := b.replace(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if cut, err := b.Drain(ctx, replaced, patience); cut != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("cut %d, error %v", cut, err)
	}
	close(h.free)
	if _, body := w.receive("GET"); body != "done" {
		t.Errorf("body %q", body)
	}
}

func TestATargetThatComesBackWhileItDrainsIsNotHeldUp(t *testing.T) {
	b := start(t, Config{})
	h := newHeld(t)
	b.route(h.addr)
	w := b.dial()
	w.send(request11())
	<-h.asked
	replaced := b.replace(t)
	b.route(h.addr) // back again, with requests of its own
	again := b.dial()
	again.send(request11())
	<-h.asked
	if cut, err := b.Drain(context.Background(), replaced, 20*time.Millisecond); cut != 1 || err != nil {
		t.Errorf("cut %d, error %v", cut, err)
	}
	close(h.free)
	if resp, _ := w.receive("GET"); resp.StatusCode != 504 {
		t.Errorf("the old request: status %d", resp.StatusCode)
	}
	if _, body := again.receive("GET"); body != "done" {
		t.Errorf("the new request: body %q", body)
	}
}

// echoSocket is an app that upgrades to a websocket and sends every byte back.
func echoSocket(t *testing.T) netip.AddrPort {
	return rawApp(t, func(c net.Conn, r *bufio.Reader) {
		q, err := http.ReadRequest(r)
		if err != nil || q.Header.Get("Upgrade") != "websocket" {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
		_, _ = io.Copy(c, r)
	})
}

// upgrade opens a websocket through the router.
func (b *bench) upgrade() *wire {
	b.t.Helper()
	w := b.dial()
	w.send(request11("Connection: Upgrade", "Upgrade: websocket"))
	resp, err := http.ReadResponse(w.Reader, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "websocket" || resp.Header.Get("Sec-WebSocket-Accept") != "x" {
		b.t.Fatalf("answer %v, error %v", resp, err)
	}
	return w
}

// frame is a text frame as a server sends it.
const frame = "\x81\x05hello"

func (w *wire) echo() {
	w.t.Helper()
	w.send(frame)
	got := make([]byte, len(frame))
	if _, err := io.ReadFull(w.Reader, got); err != nil || string(got) != frame {
		w.t.Fatalf("got %q, error %v", got, err)
	}
}

func TestWebsocketsSurviveASwapUntilTheirDeadlineAndAreToldToLeave(t *testing.T) {
	b := start(t, Config{Limits: Limits{StreamDrain: 300 * time.Millisecond, StreamSpread: 50 * time.Millisecond}})
	b.route(echoSocket(t))
	var sockets []*wire
	for range 5 {
		w := b.upgrade()
		w.echo()
		sockets = append(sockets, w)
	}
	replaced := b.replace(t)
	if cut, err := b.Drain(context.Background(), replaced, patience); cut != 0 || err != nil {
		t.Errorf("Drain waited for websockets: cut %d, error %v", cut, err)
	}
	for _, w := range sockets {
		w.echo()
	}
	if cut, err := b.DrainStreams(context.Background(), replaced); cut != 5 || err != nil {
		t.Errorf("streams cut %d, error %v", cut, err)
	}
	for _, w := range sockets {
		if rest := w.rest(); rest != "\x88\x02\x03\xe9" {
			t.Errorf("the client was told %q", rest)
		}
	}
}

func TestHundredsOfWebsocketsAreToldToLeaveInWaves(t *testing.T) {
	const sockets, spread = 500, time.Second
	b := start(t, Config{Limits: Limits{StreamDrain: 10 * time.Millisecond, StreamSpread: spread}})
	b.route(echoSocket(t))
	told := make(chan string, sockets)
	times := make(chan time.Time, sockets)
	for range sockets {
		w := b.upgrade()
		go func() {
			rest := w.rest()
			times <- time.Now()
			told <- rest
		}()
	}
	replaced := b.replace(t)
	if cut, err := b.Drain(context.Background(), replaced, patience); cut != 0 || err != nil {
		t.Errorf("Drain waited for websockets: cut %d, error %v", cut, err)
	}
	if cut, err := b.DrainStreams(context.Background(), replaced); cut != sockets || err != nil {
		t.Errorf("streams cut %d, error %v", cut, err)
	}
	first, last := <-times, time.Time{}
	for i := range sockets {
		if rest := <-told; rest != "\x88\x02\x03\xe9" {
			t.Fatalf("a client was told %q", rest)
		}
		if i > 0 {
			last = <-times
		}
	}
	if took := last.Sub(first); took < spread/2 || took > patience/2 {
		t.Errorf("all were told within %v, want about %v", took, spread)
	}
}

func TestACloseFrameIsNeverPutInsideAnother(t *testing.T) {
	b := start(t, Config{Limits: Limits{StreamDrain: 50 * time.Millisecond, StreamSpread: time.Millisecond}})
	b.route(echoSocket(t))
	w := b.upgrade()
	half := frame[:4]
	w.send(half)
	got := make([]byte, len(half))
	if _, err := io.ReadFull(w.Reader, got); err != nil {
		t.Fatal(err)
	}
	replaced := b.replace(t)
	_, _ = b.Drain(context.Background(), replaced, patience)
	if cut, err := b.DrainStreams(context.Background(), replaced); cut != 1 || err != nil {
		t.Errorf("cut %d, error %v", cut, err)
	}
	if rest := w.rest(); rest != "" {
		t.Errorf("the client was sent %q", rest)
	}
}

func TestAWebsocketEndsWhenEitherSideEnds(t *testing.T) {
	b := start(t, Config{})
	ended := make(chan struct{})
	b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
		if line, _ := r.ReadString('\n'); line == "bye\n" {
			return // the app ends
		}
		_, _ = io.Copy(io.Discard, r) // until the client ends
		close(ended)
	}))
	w := b.upgrade()
	w.send("bye\n")
	if rest := w.rest(); rest != "" {
		t.Errorf("got %q", rest)
	}
	_ = w.Close()
	w = b.upgrade()
	_ = w.Close()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the app was never told")
	}
	eventually(t, "both are counted", func() bool { s, _ := b.Stats("app"); return s.Requests[1] == 2 && s.InFlight == 0 })
}

func TestAnAppThatDoesNotUpgradeAnswersAsUsual(t *testing.T) {
	b := start(t, Config{})
	b.route(says(t, "plain"))
	w := b.dial()
	for range 2 {
		w.send(request11("Connection: Upgrade", "Upgrade: websocket"))
		if resp, body := w.receive("GET"); resp.StatusCode != 200 || body != "plain" {
			t.Errorf("status %d, body %q", resp.StatusCode, body)
		}
	}
}

func TestEventStreamsHaveTheLongDeadlineToo(t *testing.T) {
	b := start(t, Config{Limits: Limits{StreamDrain: 100 * time.Millisecond, StreamSpread: time.Millisecond}})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: x\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	resp, err := b.client().Get("http://app.test/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	replaced := b.replace(t)
	if cut, err := b.Drain(context.Background(), replaced, patience); cut != 0 || err != nil {
		t.Errorf("cut %d, error %v", cut, err)
	}
	if cut, err := b.DrainStreams(context.Background(), replaced); cut != 1 || err != nil {
		t.Errorf("streams cut %d, error %v", cut, err)
	}
	if got, err := io.ReadAll(resp.Body); err == nil || !strings.HasPrefix(string(got), "data: x") {
		t.Errorf("got %q, error %v", got, err)
	}
}

func TestShutdownFinishesWhatIsInFlightAndClosesTheRest(t *testing.T) {
	b := start(t, Config{})
	h := newHeld(t)
	b.route(h.addr)
	idle := b.dial()
	busy := b.dial()
	busy.send(request11())
	<-h.asked
	eventually(t, "both connections are there", func() bool { return b.clients.count() == 2 })
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		stopped <- b.Shutdown(ctx)
	}()
	if rest := idle.rest(); rest != "" {
		t.Errorf("the idle connection got %q", rest)
	}
	close(h.free)
	if resp, body := busy.receive("GET"); body != "done" || !resp.Close {
		t.Errorf("body %q, close %t", body, resp.Close)
	}
	_ = busy.Close()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	eventually(t, "it accepts no more connections", func() bool {
		c, err := net.Dial("tcp", b.addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
}

func TestShutdownTellsWebsocketsToLeave(t *testing.T) {
	b := start(t, Config{Limits: Limits{StreamSpread: 50 * time.Millisecond}})
	b.route(echoSocket(t))
	var sockets []*wire
	for range 3 {
		w := b.upgrade()
		w.echo()
		sockets = append(sockets, w)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- b.Shutdown(context.Background()) }()
	for _, w := range sockets {
		if rest := w.rest(); rest != "\x88\x02\x03\xe9" {
			t.Errorf("the client was told %q", rest)
		}
		_ = w.Close()
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsWhatDoesNotFinishInTime(t *testing.T) {
	b := start(t, Config{})
	h := newHeld(t)
	b.route(h.addr)
	w := b.dial()
	w.send(request11())
	<-h.asked
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := b.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if rest := w.rest(); rest != "" {
		t.Errorf("got %q", rest)
	}
}
