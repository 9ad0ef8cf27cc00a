package router

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
)

// wire3 is a connection of HTTP/3, used by hand.
type wire3 struct {
	*quic.Conn
	t       *testing.T
	control *bufio.Reader // of the router's control stream, behind its SETTINGS
}

func dialWire3(t *testing.T, addr string) *wire3 {
	t.Helper()
	conn, err := dialQUIC(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	w := &wire3{Conn: conn, t: t}
	own, err := conn.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Write([]byte{0 /* control stream */, 4 /* SETTINGS */, 0}); err != nil {
		t.Fatal(err)
	}
	theirs, err := conn.AcceptUniStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = theirs.SetReadDeadline(time.Now().Add(patience))
	w.control = bufio.NewReader(theirs)
	if kind := w.number(); kind != 0 {
		t.Fatalf("the router's first stream is of type %d", kind)
	}
	if kind, _ := w.frame(); kind != 4 {
		t.Fatalf("the control stream begins with %d", kind)
	}
	return w
}

func (w *wire3) number() uint64 {
	w.t.Helper()
	n, err := quicvarint.Read(w.control)
	if err != nil {
		w.t.Fatalf("read the control stream: %v", err)
	}
	return n
}

// frame reads the next frame of the control stream.
func (w *wire3) frame() (kind uint64, payload []byte) {
	w.t.Helper()
	kind, payload = w.number(), make([]byte, w.number())
	if _, err := io.ReadFull(w.control, payload); err != nil {
		w.t.Fatalf("read the control stream: %v", err)
	}
	return kind, payload
}

// goAway reads the next frame, which must be a GOAWAY, and returns the first stream that it refuses.
func (w *wire3) goAway() uint64 {
	w.t.Helper()
	kind, payload := w.frame()
	first, n, err := quicvarint.Parse(payload)
	if kind != 7 || err != nil || n != len(payload) {
		w.t.Fatalf("frame %d with %x: %v", kind, payload, err)
	}
	return first
}

// open begins a request and sends some bytes of it.
func (w *wire3) open(b []byte) *quic.Stream {
	w.t.Helper()
	s, err := w.OpenStream()
	if err != nil {
		w.t.Fatal(err)
	}
	_ = s.SetDeadline(time.Now().Add(patience))
	if _, err := s.Write(b); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// get3 is a GET of https://app.test/: HEADERS with fields of the static table (RFC 9204 appendix A) and one name of it.
func get3() []byte {
	fields := append([]byte{0, 0, 0xc0 | 17, 0xc0 | 23, 0xc0 | 1, 0x50 | 0, byte(len("app.test"))}, "app.test"...)
	return append([]byte{1, byte(len(fields))}, fields...)
}

// answer3 reads the whole answer and returns its frames, the first of which is its HEADERS.
func answer3(s *quic.Stream) (string, error) {
	_ = s.Close()
	b, err := io.ReadAll(s)
	return string(b), err
}

func TestARequestOfHTTP3ThatCrossesTheGoAwayIsRefusedSoThatClientsRepeatIt(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	b.route(says(t, "hello"))
	w := dialWire3(t, addr)
	if got, err := answer3(w.open(get3())); err != nil || !strings.HasSuffix(got, "hello") {
		t.Fatalf("before: %q, %v", got, err)
	}
	stopped := b.shutDown(t)
	if first := w.goAway(); first != 4 {
		t.Errorf("it refuses streams from %d on, want 4", first)
	}
	got, err := answer3(w.open(get3())) // sent before the client has seen the GOAWAY, as far as the router knows
	var refused *quic.StreamError
	if !errors.As(err, &refused) || refused.ErrorCode != quic.StreamErrorCode(http3.ErrCodeRequestRejected) || got != "" {
		t.Errorf("a request on its way: %q, %v", got, err)
	}
	if s, _ := b.Stats("app"); s.Requests[2] != 1 {
		t.Errorf("%d requests reached the app", s.Requests[2])
	}
	_ = w.CloseWithError(0, "")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestARequestOfHTTP3ThatTheGoAwayLetsInIsAnsweredHoweverLateItIsWhole(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	b.route(says(t, "hello"))
	w := dialWire3(t, addr)
	request := get3()
	s := w.open(request[:9])
	stopped := b.shutDown(t)
	if first := w.goAway(); first != 4 {
		t.Errorf("it refuses streams from %d on, want 4", first)
	}
	select {
	case err := <-stopped:
		t.Errorf("it does not wait: %v", err)
	case <-time.After(goAwayGrace + goAwayQuiet/2):
	}
	if _, err := s.Write(request[9:]); err != nil {
		t.Fatal(err)
	}
	if got, err := answer3(s); err != nil || !strings.HasSuffix(got, "hello") {
		t.Errorf("%q, %v", got, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestAConnectionOfHTTP3ThatIsUnusedForTooLongIsToldToGo(t *testing.T) {
	b, _, addr := startQUIC(t, Config{Limits: Limits{IdleTimeout: 50 * time.Millisecond}})
	b.route(says(t, "hello"))
	w := dialWire3(t, addr)
	if got, err := answer3(w.open(get3())); err != nil || !strings.HasSuffix(got, "hello") {
		t.Fatalf("before: %q, %v", got, err)
	}
	if first := w.goAway(); first != 4 {
		t.Errorf("it refuses streams from %d on, want 4", first)
	}
	eventually(t, "it is closed", func() bool { return b.clients.count() == 0 })
}

func TestAnAnswerOfHTTP3MayTakeLongerThanAConnectionMayBeUnused(t *testing.T) {
	b, _, addr := startQUIC(t, Config{Limits: Limits{IdleTimeout: 50 * time.Millisecond}})
	next := make(chan string)
	b.route(tells(t, next))
	w := dialWire3(t, addr)
	s := w.open(get3())
	_ = s.Close()
	select {
	case <-w.Context().Done():
		t.Fatalf("it was given up: %v", context.Cause(w.Context()))
	case <-time.After(b.quicConfig().MaxIdleTimeout + time.Second):
	}
	next <- "the end"
	close(next)
	if got, err := io.ReadAll(s); err != nil || !strings.HasSuffix(string(got), "the end") {
		t.Errorf("%q, %v", got, err)
	}
}
