package router

import (
	"errors"
	"strconv"
	"time"

	"csph/router/h1"
)

// verdict is what became of a request offered on one connection.
type verdict int

const (
	answered  verdict = iota // the client has its answer, or is gone
	tryAgain                 // nothing was done: another connection
	tryTarget                // nothing was done: another target
)

// offer has t answer the request. done is false when another target may be tried, and why is the page
// for the client if there is none.
func (s *session) offer(t *target) (done bool, why page) {
	for {
		u := t.take()
		if u == nil {
			var err error
			if u, err = s.r.dial(t); err != nil {
				t.failed(s.r.watch.clock.Load())
				s.countFailure(unreachable)
				s.r.log.Debug("cannot connect to a target", "service", s.route.service, "target", t.addr, "error", err)
				return false, pageUnreachable()
			}
		}
		s.up.Store(u)
		v := s.exchange(u)
		if s.through == nil {
			s.up.Store(nil)
		}
		switch v {
		case answered:
			return true, page{}
		case tryTarget:
			t.failed(s.r.watch.clock.Load())
			s.countFailure(unreachable)
			return false, pageUnreachable()
		}
	}
}

// exchange sends the request on u and passes the answer on.
func (s *session) exchange(u *upstream) verdict {
	err := s.sendRequest(u)
	if err != nil {
		return s.noAnswer(u, err)
	}
	for {
		n, err := s.readAnswer(u)
		if err != nil {
			return s.noAnswer(u, err)
		}
		if err := s.resp.Parse(u.unread()[:n], s.r.limits.HeaderCount, s.method()); err != nil {
			return s.noAnswer(u, err)
		}
		u.target.answered()
		switch {
		case s.resp.Status == 101:
			s.switchProtocols(u, n)
			return answered
		case s.mustUpgrade && s.resp.Status >= 200 && s.resp.Status < 300:
			s.refuseUpgrade(u)
			return answered
		case s.resp.Status < 200:
			if !s.passInterim(u, n) {
				return s.clientGone(u)
			}
		default:
			s.respond(u, n)
			return answered
		}
	}
}

// method returns what of the method matters to the answer.
func (s *session) method() []byte {
	if s.head {
		return []byte("HEAD")
	}
	return nil
}

// sendRequest writes the request and waits for the first bytes of the answer.
func (s *session) sendRequest(u *upstream) error {
	l := &s.r.limits
	if s.replay {
		return u.ask(s.out, l.BodyTimeout, l.ResponseTimeout)
	}
	u.moved = false
	if err := u.probe(); err != nil {
		return err
	}
	if err := u.send(s.out, l.BodyTimeout); err != nil {
		return err
	}
	s.startPump(u)
	return u.fill(l.ResponseTimeout, l.HeaderBytes)
}

// readAnswer waits for a whole head and returns its length.
func (s *session) readAnswer(u *upstream) (int, error) {
	var scan h1.Scan
	for {
		n, err := scan.End(u.unread())
		if err != nil || n > 0 {
			return n, err
		}
		if err := u.fill(s.r.limits.ResponseTimeout, s.r.limits.HeaderBytes); err != nil {
			return 0, err
		}
	}
}

// noAnswer decides what follows when u failed before its answer was there.
func (s *session) noAnswer(u *upstream, err error) verdict {
	unheard := isGone(err) && len(u.unread()) == 0
	s.joinPump(u, 0)
	u.close()
	switch {
	case s.abandon.at.Load() == expired:
		return s.clientGone(u)
	case s.badBody() != nil:
		s.answerFailed(pageRefused(s.badBody().Status, s.badBody().Reason))
		return answered
	case s.pumpClient:
		s.lost(s.pumpErr)
		return answered
	case u.cut.Load():
		s.answerFailed(page504())
		return answered
	case !u.moved && u.reused:
		return tryAgain
	case !u.moved:
		return tryTarget
	case unheard && u.reused && s.replay && s.idem && !s.retried:
		s.retried = true
		return tryAgain
	}
	s.logFailure(u, err)
	if errors.Is(err, errTimeout) {
		s.answerFailed(page504())
	} else {
		s.answerFailed(page502())
	}
	return answered
}

// answerFailed sends a page in place of the target's answer.
func (s *session) answerFailed(p page) {
	s.abandon.clear()
	s.answer(p)
}

func (s *session) logFailure(u *upstream, err error) {
	if errors.Is(err, errTimeout) {
		s.countFailure(tooSlow)
	} else {
		s.countFailure(brokeOff)
	}
	s.r.log.Warn("a target failed to answer", "service", s.route.service, "target", u.target.addr,
		"request_id", string(s.requestID), "error", err)
}

// clientGone ends a request that nobody waits for any more.
func (s *session) clientGone(u *upstream) verdict {
	s.joinPump(u, 0)
	u.close()
	s.abandon.clear()
	s.status, s.keep = statusGone, false
	return answered
}

// passInterim passes an interim answer (1xx) on, to clients that know them.
func (s *session) passInterim(u *upstream, head int) bool {
	if s.resp.Status == 100 {
		s.continued = true
	}
	ok := true
	if s.req.Minor == 1 && (s.resp.Status != 100 || s.req.Continue) {
		b := s.statusLine(nil)
		b = s.resp.AppendLines(b, toClient)
		ok = s.client.send(append(b, "\r\n"...), s.r.limits.BodyTimeout) == nil
	}
	u.consume(head)
	return ok
}

// statusLine appends the status line of the answer.
func (s *session) statusLine(b []byte) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(s.resp.Status), 10)
	b = append(b, ' ')
	b = append(b, s.resp.Reason...)
	return append(b, "\r\n"...)
}

// respond passes the final answer on.
func (s *session) respond(u *upstream, head int) {
	s.status = s.resp.Status
	if s.resp.Stream() {
		s.becomeStream(u)
	}
	body := relay{
		src: &u.socket, dst: &s.client, limits: &s.r.limits, pipes: s.r.pipes, idle: s.answerIdle(),
		trailers: h1.Set(h1.Other, h1.RequestID),
	}
	body.chunked = s.frame(u)
	framing, length, reuse := s.resp.Framing, s.resp.Length, s.resp.KeepAlive
	u.consume(head)
	body.out, s.out = s.out, nil
	err := body.copy(framing, length)
	s.out, s.bytesOut = body.out, body.n
	s.finish(u, err, body.dstFailed, reuse)
}

// becomeStream counts the exchange as a stream from here on.
func (s *session) becomeStream(u *upstream) {
	s.stream = true
	u.stream.Store(true)
	u.target.becomeStream()
}

// answerIdle is how long the target may pause within its answer.
func (s *session) answerIdle() time.Duration {
	if s.stream {
		return forever
	}
	return s.r.limits.ResponseTimeout
}

// frame puts the head for the client into out and decides about the connection. It reports whether
// the body takes the chunked coding.
func (s *session) frame(u *upstream) (chunked bool) {
	p := &s.resp
	b := s.statusLine(s.out[:0])
	b = p.AppendLines(b, toClient)
	b = s.appendHSTS(b)
	switch {
	case p.Framing == h1.Sized || p.Framing == h1.NoBody && p.Length >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, p.Length, 10)
		b = append(b, "\r\n"...)
	case p.Framing == h1.NoBody:
	case s.req.Minor == 1:
		chunked = true
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	default:
		s.keep = false // the end of the connection is the end of the body
	}
	b = s.appendSticky(b)
	if s.secure && s.proto < 3 {
		b = append(b, *s.r.altSvc.Load()...)
	}
	if s.r.stopping() || s.req.Continue && !s.continued && s.pump.running() {
		s.keep = false
	}
	switch {
	case !s.keep:
		b = append(b, "Connection: close\r\n"...)
	case s.req.Minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	s.out = append(b, "\r\n"...)
	return chunked
}

// finish ends the exchange after the answer, whole or not.
func (s *session) finish(u *upstream, err error, clientFailed, reuse bool) {
	stays := s.abandon.clear()
	whole := err == nil && s.joinPump(u, pumpGrace)
	if err != nil {
		_ = u.conn.Close()
		s.joinPump(u, 0)
	}
	if whole && reuse && stays && len(u.unread()) == 0 && !u.stream.Load() && !u.cut.Load() {
		s.r.keepUpstream(u)
	} else {
		u.close()
	}
	switch {
	case err != nil:
		s.keep = false
		if !clientFailed && stays {
			s.logFailure(u, err)
		}
		s.ending = resetting
	case !whole:
		s.keep = false
		s.ending = lingering
	case !s.keep:
		s.ending = lingering
	}
}
