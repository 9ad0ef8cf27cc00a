package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"csph/api/wire"
)

// message is one server-sent event (WHATWG HTML section 9.2.6).
type message struct {
	id    string
	event string
	data  []byte
}

// maxMessage bounds one line of a stream: a log line of 64 KiB, every byte of it escaped, and more.
const maxMessage = 1 << 20

// messages reads a stream of events to its end.
func messages(r io.Reader) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxMessage)
		var m message
		for lines.Scan() {
			line := lines.Bytes()
			if len(line) == 0 {
				if m.event != "" && !yield(m, nil) {
					return
				}
				m = message{}
				continue
			}
			m.field(line)
		}
		if err := lines.Err(); err != nil {
			yield(message{}, fmt.Errorf("read stream: %w", err))
		}
	}
}

// field takes one line of a message; comments and unknown fields are passed over.
func (m *message) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "id":
		m.id = string(value)
	case "event":
		m.event = string(value)
	case "data":
		m.data = append(m.data, value...)
	}
}

// Times between attempts to reconnect, and how long to go on without any success.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 3 * time.Second
	retryFor   = 2 * time.Minute
)

// stream is one sequence of events, over as many connections as it takes.
type stream struct {
	client *Client
	path   string
	event  string
	last   string // id of the last event that was passed on
	wait   time.Duration
	since  time.Time // of the last success
	opened bool      // the server has answered before: a wrong URL fails at once, a restart does not
}

// errEnded says that a stream is complete.
var errEnded = errors.New("the stream is complete")

// follow yields the data of a stream of events named event. A connection that breaks is made again
// from where it was; the sequence ends when the stream is complete, when ctx ends, or with an error.
func follow[T any](ctx context.Context, c *Client, path, event string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		s := &stream{client: c, path: path, event: event, wait: firstRetry, since: time.Now()}
		for {
			err := s.once(ctx, func(data []byte) error {
				var v T
				if err := json.Unmarshal(data, &v); err != nil {
					return fmt.Errorf("decode event: %w", err)
				}
				if !yield(v, nil) {
					return errEnded
				}
				return nil
			})
			if err == nil {
				err = s.pause(ctx)
			}
			if errors.Is(err, errEnded) || ctx.Err() != nil {
				return
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
		}
	}
}

// once reads one connection. It returns nil when it broke and another should be made.
func (s *stream) once(ctx context.Context, take func([]byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.client.base+s.path, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if s.last != "" {
		r.Header.Set("Last-Event-ID", s.last)
	}
	answer, err := s.client.send(r)
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) && time.Since(s.since) < retryFor && s.opened {
		return nil
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	s.since, s.wait, s.opened = time.Now(), firstRetry, true
	return s.read(answer.Body, take)
}

func (s *stream) read(body io.Reader, take func([]byte) error) error {
	for m, err := range messages(body) {
		if err != nil {
			return nil
		}
		switch m.event {
		case wire.MessageEnd:
			return errEnded
		case wire.MessageError:
			p := &wire.Problem{}
			if err := json.Unmarshal(m.data, p); err != nil {
				return fmt.Errorf("decode error of stream: %w", err)
			}
			return p
		case s.event:
			if err := take(m.data); err != nil {
				return err
			}
			s.last, s.since = m.id, time.Now()
		}
	}
	return nil
}

// pause waits before the next attempt, longer each time.
func (s *stream) pause(ctx context.Context) error {
	select {
	case <-time.After(s.wait):
		s.wait = min(2*s.wait, lastRetry)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
