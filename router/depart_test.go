package router

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// get sends a GET of app.test.
func (f *frames) get(stream uint32) {
	f.t.Helper()
	f.ask(stream, true, ":method", "GET", ":scheme", "https", ":authority", "app.test", ":path", "/")
}

// goAway reads on to the next GOAWAY and returns which stream it names as the last one.
func (f *frames) goAway() (last uint32) {
	f.t.Helper()
	for {
		switch x := f.read().(type) {
		case *http2.GoAwayFrame:
			if x.ErrCode != http2.ErrCodeNo {
				f.t.Errorf("GOAWAY says %v", x.ErrCode)
			}
			return x.LastStreamID
		}
	}
}

// ping reads on to a PING and returns what is to be sent back.
func (f *frames) ping() [8]byte {
	f.t.Helper()
	for {
		if x, ok := f.read().(*http2.PingFrame); ok && !x.IsAck() {
			return x.Data
		}
	}
}

func (f *frames) read() http2.Frame {
	f.t.Helper()
	frame, err := f.ReadFrame()
	if err != nil {
		f.t.Fatalf("read a frame: %v", err)
	}
	return frame
}

// tells is an app whose answer is what comes from next, while it is asked for it.
func tells(t *testing.T, next <-chan string) netip.AddrPort {
	return app(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		for {
			select {
			case text, more := <-next:
				if !more {
					return
				}
				_, _ = io.WriteString(w, text)
			case <-r.Context().Done():
				return
			}
		}
	})
}

// shutDown begins to shut the router down; what comes of it can be received.
func (b *bench) shutDown(t *testing.T) <-chan error {
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		stopped <- b.Shutdown(ctx)
	}()
	return stopped
}

func TestARequestOfHTTP2ThatCrossesTheGoAwayIsAnswered(t *testing.T) {
	b, addr := startTLS(t, Config{})
	b.route(says(t, "hello"))
	f := dialFrames(t, addr)
	f.get(1)
	if got := f.outcome(1); got != "200" {
		t.Fatalf("before: %s", got)
	}
	stopped := b.shutDown(t)
	if last := f.goAway(); last != math.MaxInt32 {
		t.Fatalf("the first GOAWAY refuses streams after %d", last)
	}
	sign := f.ping()
	for _, stream := range []uint32{3, 5} { // sent before the client has seen the GOAWAY, as far as the router knows
		f.get(stream)
		if got := f.outcome(stream); got != "200" {
			t.Errorf("stream %d, on its way: %s", stream, got)
		}
	}
	if err := f.WritePing(true, sign); err != nil {
		t.Fatal(err)
	}
	if last := f.goAway(); last != 5 {
		t.Errorf("the last GOAWAY says that stream %d was the last one, want 5", last)
	}
	_ = f.Close()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestAClientOfHTTP2IsTalkedOutOfNoRequestThatIsInFlight(t *testing.T) {
	b, addr := startTLS(t, Config{})
	next := make(chan string)
	b.route(tells(t, next))
	f := dialFrames(t, addr)
	f.get(1)
	if got := f.outcome(1); got != "200" {
		t.Fatalf("before: %s", got)
	}
	stopped := b.shutDown(t)
	f.goAway()
	if err := f.WritePing(true, f.ping()); err != nil {
		t.Fatal(err)
	}
	if last := f.goAway(); last != 1 {
		t.Errorf("the last stream is %d", last)
	}
	next <- "the end"
	close(next)
	var body bytes.Buffer
	for ended := false; !ended; {
		if x, ok := f.read().(*http2.DataFrame); ok {
			body.Write(x.Data())
			ended = x.StreamEnded()
		}
	}
	if body.String() != "the end" {
		t.Errorf("it was told %q", body.String())
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestAClientOfHTTP2ThatAcknowledgesNothingHoldsUpNoShutdown(t *testing.T) {
	b, addr := startTLS(t, Config{})
	b.route(says(t, "hello"))
	f, stuck := dialFrames(t, addr), dialFrames(t, addr)
	if _, err := stuck.Conn.Write([]byte{0, 0, 8, byte(http2.FramePing)}); err != nil { // the rest of the frame never comes
		t.Fatal(err)
	}
	f.get(1)
	if got := f.outcome(1); got != "200" {
		t.Fatalf("before: %s", got)
	}
	began, stopped := time.Now(), b.shutDown(t)
	if first, last := f.goAway(), f.goAway(); first != math.MaxInt32 || last != 1 {
		t.Errorf("the last stream is %d, and then %d", first, last)
	}
	if took := time.Since(began); took < goAwayAnswer {
		t.Errorf("it had %v to acknowledge", took)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestWhatAGoAwayOfHTTP2HasRefusedIsNotTakenBack(t *testing.T) {
	b, addr := startTLS(t, Config{})
	next := make(chan string)
	b.route(tells(t, next))
	f := dialFrames(t, addr)
	f.get(1)
	if got := f.outcome(1); got != "200" {
		t.Fatalf("before: %s", got)
	}
	if err := f.WriteGoAway(0, http2.ErrCodeNo, nil); err != nil {
		t.Fatal(err)
	}
	if last := f.goAway(); last != 1 {
		t.Errorf("it refuses streams after %d", last)
	}
	stopped := b.shutDown(t)
	eventually(t, "it was told to go", func() bool { return b.multiplex.leaving.Err() != nil })
	time.AfterFunc(2*goAwayGrace, func() { close(next) })
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			break
		}
		if away, ok := frame.(*http2.GoAwayFrame); ok {
			t.Errorf("another GOAWAY, with stream %d", away.LastStreamID)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestAConnectionOfHTTP2ThatIsUnusedForTooLongEndsWithoutLosingARequest(t *testing.T) {
	b, addr := startTLS(t, Config{Limits: Limits{IdleTimeout: 50 * time.Millisecond}})
	next := make(chan string)
	b.route(tells(t, next))
	f := dialFrames(t, addr)
	f.get(1)
	if got := f.outcome(1); got != "200" {
		t.Fatalf("before: %s", got)
	}
	<-time.After(4 * tick) // nothing is said on it, but it is used
	next <- "the end"
	close(next)
	for ended := false; !ended; {
		switch x := f.read().(type) {
		case *http2.DataFrame:
			ended = x.StreamEnded()
		case *http2.GoAwayFrame:
			t.Fatal("it is led to its end with a request in flight")
		}
	}
	if last := f.goAway(); last != math.MaxInt32 {
		t.Fatalf("the first GOAWAY refuses streams after %d", last)
	}
	sign := f.ping()
	f.get(3)
	if got := f.outcome(3); got != "200" {
		t.Errorf("a request that crossed it: %s", got)
	}
	if err := f.WritePing(true, sign); err != nil {
		t.Fatal(err)
	}
	if last := f.goAway(); last != 3 {
		t.Errorf("the last stream is %d", last)
	}
	eventually(t, "it is closed", func() bool { return b.clients.count() == 0 })
}

// written is what a server writes, from the first frame on, with a header block in two frames.
func written(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	var block bytes.Buffer
	if err := hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "299"}); err != nil {
		t.Fatal(err)
	}
	f := http2.NewFramer(&b, nil)
	err := errors.Join(
		f.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 250}), f.WriteSettingsAck(),
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes()[:2]}),
		f.WriteContinuation(1, true, block.Bytes()[2:]), f.WriteData(1, true, []byte("hello")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheAnnouncementStandsBetweenTwoFramesWheneverItIsMade(t *testing.T) {
	all := written(t)
	for at := range len(all) + 1 {
		for _, step := range []int{1, 5, len(all)} {
			g := &gather{storage: newStorage()}
			g.change.L = &g.mu
			for piece := range slices.Chunk(all[:at], step) {
				_, _ = g.Write(piece)
			}
			g.announce()
			for piece := range slices.Chunk(all[at:], step) {
				_, _ = g.Write(piece)
			}
			checkAnnounced(t, g.waiting, at)
		}
	}
}

// checkAnnounced holds that b is frames of a server, and the announcement among them.
func checkAnnounced(t *testing.T, b []byte, at int) {
	t.Helper()
	f := http2.NewFramer(nil, bytes.NewReader(b))
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var kinds []http2.FrameType
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			break
		}
		kinds = append(kinds, frame.Header().Type)
		if away, ok := frame.(*http2.GoAwayFrame); ok && away.LastStreamID != math.MaxInt32 {
			t.Errorf("announced at byte %d: last stream %d", at, away.LastStreamID)
		}
	}
	if len(kinds) != 6 || kinds[0] != http2.FrameSettings || !bytes.Contains(b, appendAnnouncement(nil)) {
		t.Errorf("announced at byte %d: %v of %d bytes", at, kinds, len(b))
	}
}

// FuzzFramePosition2 holds that the place does not depend on where the packets break.
func FuzzFramePosition2(f *testing.F) {
	f.Add(written(f), 3)
	f.Add(appendAnnouncement(nil), 1)
	f.Add([]byte("\xff\xff\xff\x00\x00"), 2)
	f.Fuzz(func(t *testing.T, in []byte, step int) {
		var whole, pieces framePosition2
		whole.advance(in)
		for rest := in; len(rest) > 0; {
			n := min(max(step, 1), len(rest))
			pieces.advance(rest[:n])
			rest = rest[n:]
		}
		if whole != pieces {
			t.Fatalf("%q: %+v, in steps of %d %+v", in, whole, step, pieces)
		}
	})
}
