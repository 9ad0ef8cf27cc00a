package router

import (
	"bytes"
	"errors"
	"strconv"

	"csph/router/h1"
)

// replayBody is the largest body that is collected before the request is sent on. It spares a
// goroutine, and makes the request one that can be sent again.
const replayBody = 16 << 10

// tries bounds the targets that one request is offered to.
const tries = 4

// Fields passed on to the target, and to the client.
const (
	toTarget = h1.Kinds(1<<h1.Other | 1<<h1.Accept | 1<<h1.ContentType | 1<<h1.UserAgent)
	toClient = h1.Kinds(1<<h1.Other | 1<<h1.Accept | 1<<h1.ContentType | 1<<h1.UserAgent | 1<<h1.Expect |
		1<<h1.Host | 1<<h1.ForwardedFor | 1<<h1.ForwardedHost | 1<<h1.ForwardedProto | 1<<h1.ForwardedOther | 1<<h1.Forwarded | 1<<h1.RequestID)
)

// serve answers the request whose head takes so many of the unread bytes.
func (s *session) serve(head int) {
	s.name = h1.AppendHost(s.name[:0], s.req.Host)
	s.keep = s.req.KeepAlive
	s.head = string(s.req.Method) == "HEAD"
	s.idem = s.req.Idempotent()
	s.form = formFor(s.req.Get(h1.Accept))
	s.route = s.r.table.Load().find(s.name, s.req.Target)
	s.noteRequest()
	if s.route != nil {
		s.route.counts.shard(s.number).started.Add(1)
	}
	switch {
	case s.fronted(head):
	case s.route == nil:
		s.client.consume(head)
		s.answer(page404())
	default:
		s.proxy(head)
	}
}

// proxy has a target answer the request.
func (s *session) proxy(head int) {
	if limit := s.bodyLimit(); s.req.Framing == h1.Sized && s.req.Length > limit {
		s.client.consume(head)
		refused := bodyTooLarge(limit)
		s.answer(pageRefused(refused.Status, refused.Reason))
		return
	}
	if s.route.options.Sticky {
		s.sticky = bytes.Clone(s.req.Cookie(stickyCookie))
	}
	call := s.lane != nil && h1.IsGRPC(s.req.Get(h1.ContentType))
	s.writeHead()
	s.client.consume(head)
	switch {
	case call:
		s.serveGRPC()
	case s.collectBody():
		s.forward()
	}
}

// writeHead puts the head for the target into out.
func (s *session) writeHead() {
	q := &s.req
	b := append(s.out[:0], q.Method...)
	b = append(b, ' ')
	b = append(b, q.Target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, q.Host...)
	b = append(b, "\r\n"...)
	b = q.AppendLines(b, toTarget)
	b = s.appendForwarded(b)
	switch {
	case q.Framing == h1.Sized:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, q.Length, 10)
		b = append(b, "\r\n"...)
	case q.Framing == h1.Chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if q.Continue {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	if q.Trailers {
		b = append(b, "TE: trailers\r\nConnection: TE\r\n"...)
	}
	if q.Upgrade != nil {
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		b = append(b, q.Upgrade...)
		b = append(b, "\r\n"...)
	}
	s.out = append(b, "\r\n"...)
}

// collectBody adds a small body to out. It reports false when the client did not send it.
func (s *session) collectBody() bool {
	q := &s.req
	s.replay = q.Framing == h1.NoBody || q.Framing == h1.Sized && q.Length <= replayBody && !q.Continue
	if !s.replay {
		return true
	}
	for left := int(q.Length); left > 0; {
		if len(s.client.unread()) == 0 {
			if err := s.client.fill(s.r.limits.BodyTimeout, bulkStorage); err != nil {
				s.lost(err)
				return false
			}
		}
		n := min(left, len(s.client.unread()))
		s.out = s.r.storage.append(s.out, s.client.unread()[:n])
		s.client.consume(n)
		s.bytesIn += int64(n)
		left -= n
	}
	return true
}

// lost ends a request whose client went away or fell silent before its body was there.
func (s *session) lost(err error) {
	if errors.Is(err, errTimeout) {
		s.answer(pageRefused(408, "the body took too long to arrive"))
		s.keep = false
		return
	}
	s.status, s.keep = statusGone, false
}

// answer sends a page of the router itself. After an unread body the connection cannot be kept.
func (s *session) answer(p page) {
	s.reply(p.status, func(keep bool) []byte { return p.append(nil, string(s.requestID), s.form, s.head, keep) })
}

// reply sends an answer that is made once it is known whether the connection can be kept.
func (s *session) reply(status int, answer func(keep bool) []byte) {
	unread := s.req.Framing == h1.Chunked || s.req.Length > s.bytesIn
	s.keep = s.keep && !unread && s.req.Minor == 1 && !s.r.stopping()
	s.status = status
	if err := s.client.send(answer(s.keep), s.r.limits.BodyTimeout); err != nil {
		s.keep = false
		return
	}
	if !s.keep {
		s.ending = lingering
	}
}

// forward offers the request to targets until one answers it.
func (s *session) forward() {
	if s.lane == nil && (!s.replay || s.client.wire == nil) {
		s.abandon.clear()
	} else {
		s.abandon.set(s.r.watch.after(abandonCheck))
	}
	var failed [tries]*target
	p := absent(s.route.options.Absence)
	for i := range tries {
		t := s.choose(failed[:i])
		if t == nil {
			break
		}
		s.target = t
		done, why := s.offerCounted(t)
		if done {
			return
		}
		failed[i], p = t, why
	}
	s.abandon.clear()
	s.answer(p)
}

// offerCounted is offer to a target that the request was counted in at, and is counted out of after.
func (s *session) offerCounted(t *target) (done bool, why page) {
	s.stream = false
	defer func() {
		if s.through == nil {
			t.release(s.stream)
		}
	}()
	return s.offer(t)
}

// choose returns the least loaded target of the present table that is not among failed, counted in;
// nil when there is none. Targets set aside come last.
func (s *session) choose(failed []*target) *target {
	for {
		route := s.r.table.Load().route(s.route.service)
		if route == nil {
			return nil
		}
		t := s.stuck(route, failed)
		if t != nil && t.acquire() {
			return t
		}
		t = route.pick(s.r.watch.clock.Load(), failed)
		if t == nil || t.acquire() {
			return t
		}
	}
}
