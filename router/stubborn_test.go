package router

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// stubborn is a connection of HTTP/2 whose client sends requests without waiting for answers, and none of them
// twice: one that the router refuses is lost.
type stubborn struct {
	conn  net.Conn
	tally *tally

	mu       sync.Mutex // of writing, and of what follows
	frames   *http2.Framer
	encoder  *hpack.Encoder
	head     bytes.Buffer
	next     uint32
	waiting  map[uint32]bool // streams without an answer
	stopped  bool            // no more are opened
	informed chan struct{}   // closed by the first GOAWAY
}

// errInformed is the end of asking on a connection.
var errInformed = errors.New("the router has said GOAWAY")

// askStubbornly uses a connection until the router says that it wants no more requests on it, then another.
func askStubbornly(ctx context.Context, addr string, x *tally) {
	for ctx.Err() == nil {
		c, err := dialTLS(ctx, addr)
		if err != nil {
			if ctx.Err() == nil {
				x.note(err)
			}
			continue
		}
		_ = c.SetDeadline(time.Now().Add(2 * patience))
		s := &stubborn{conn: c, tally: x, frames: http2.NewFramer(c, c), next: 1, waiting: map[uint32]bool{}, informed: make(chan struct{})}
		s.encoder, s.frames.ReadMetaHeaders = hpack.NewEncoder(&s.head), hpack.NewDecoder(4096, nil)
		s.run(ctx)
	}
}

func (s *stubborn) run(ctx context.Context) {
	_, err := s.conn.Write([]byte(http2.ClientPreface))
	if err := errors.Join(err, s.frames.WriteSettings()); err != nil {
		s.tally.note(err)
		return
	}
	var asking sync.WaitGroup
	asking.Go(func() { s.ask(ctx) })
	err = s.listen()
	s.fail(0, err)
	_ = s.conn.Close()
	asking.Wait()
}

// ask opens streams until ctx ends or the router has said GOAWAY.
func (s *stubborn) ask(ctx context.Context) {
	for ctx.Err() == nil && s.open() == nil {
		pause(ctx, s.informed, 4*pace)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped = true; len(s.waiting) == 0 {
		_ = s.conn.Close()
	}
}

func (s *stubborn) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if closed(s.informed) {
		return errInformed
	}
	s.head.Reset()
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "app.test"}, {":path", "/"}} {
		_ = s.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // to memory
	}
	stream := s.next
	s.next += 2
	s.waiting[stream] = true
	return s.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: s.head.Bytes(), EndHeaders: true, EndStream: true})
}

// listen reads until the last answer is there.
func (s *stubborn) listen() error {
	for {
		frame, err := s.frames.ReadFrame()
		if err != nil {
			return err
		}
		switch x := frame.(type) {
		case *http2.MetaHeadersFrame:
			if status := x.PseudoValue("status"); status != "200" {
				return fmt.Errorf("stream %d: status %s", x.StreamID, status)
			}
			s.answered(x.StreamID, x.StreamEnded())
		case *http2.DataFrame:
			s.answered(x.StreamID, x.StreamEnded())
		case *http2.RSTStreamFrame:
			return fmt.Errorf("stream %d was reset: %v", x.StreamID, x.ErrCode)
		case *http2.GoAwayFrame:
			s.fail(x.LastStreamID, errors.New("refused by GOAWAY"))
			if !closed(s.informed) {
				close(s.informed)
			}
		case *http2.PingFrame:
			s.acknowledge(x)
		}
	}
}

func (s *stubborn) acknowledge(x *http2.PingFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !x.IsAck() {
		_ = s.frames.WritePing(true, x.Data)
	}
}

// answered takes note of the end of an answer.
func (s *stubborn) answered(stream uint32, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ended {
		s.tally.note(nil)
		delete(s.waiting, stream)
	}
	if s.stopped && len(s.waiting) == 0 {
		_ = s.conn.Close()
	}
}

// fail takes note that the streams after last will not be answered.
func (s *stubborn) fail(last uint32, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for stream := range s.waiting {
		if stream > last {
			s.tally.note(fmt.Errorf("stream %d, last %d: %w", stream, last, why))
			delete(s.waiting, stream)
		}
	}
}
