package router

import (
	"errors"
	"time"

	"csph/router/h1"
)

// pumpGrace is how long a body may still take once its answer is complete.
const pumpGrace = 500 * time.Millisecond

// errUnfinished is the error of a copy that did not return.
var errUnfinished = errors.New("the body was not copied to its end")

// pump copies the body of a request to its target while the session waits for the answer.
type pump struct {
	relay
	done chan struct{}
	err  error // set before done is closed
}

// startPump begins to copy. Nobody else may read the client or write to u until done is closed.
func (s *session) startPump(u *upstream) {
	p := &pump{done: make(chan struct{})}
	p.relay = relay{
		src: &s.client, dst: &u.socket, limits: &s.r.limits, pipes: s.r.pipes, idle: s.r.limits.BodyTimeout,
		chunked: s.req.Framing == h1.Chunked, most: s.bodyLimit(), trailers: h1.Set(h1.Other),
		progress: func() { u.extendRead(s.r.limits.ResponseTimeout) },
	}
	s.pump = p
	framing, length := s.req.Framing, s.req.Length
	go func() {
		defer close(p.done)
		defer s.r.survive("copying a body")
		p.err = errUnfinished
		p.err = p.copy(framing, length)
		p.src.storage.give(p.out)
		p.out = nil
		if p.err != nil && !p.dstFailed {
			_ = u.conn.Close() // the target must not take the body for complete
		}
	}()
}

// running reports whether the pump is at work still.
func (p *pump) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// joinPump waits for the pump, shortly, then stops it. whole reports whether the body was passed on in full.
func (s *session) joinPump(u *upstream, grace time.Duration) (whole bool) {
	p := s.pump
	if p == nil {
		return true
	}
	s.pump = nil
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = u.conn.Close()
		_ = s.client.conn.SetReadDeadline(past)
		<-p.done
		_ = s.client.conn.SetReadDeadline(time.Time{})
	}
	s.bytesIn = p.n
	if p.err != nil {
		s.keep = false
		s.pumpErr, s.pumpClient = p.err, !p.dstFailed
	}
	return p.err == nil
}

// badBody returns why the client's body is refused, nil when it is not.
func (s *session) badBody() *h1.Error {
	var refused *h1.Error
	if s.pumpClient && errors.As(s.pumpErr, &refused) {
		return refused
	}
	return nil
}
