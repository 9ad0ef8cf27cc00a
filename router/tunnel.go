package router

import (
	"sync/atomic"
	"time"

	"csph/router/h1"
)

// tunnelGrace is how long one direction of a tunnel may outlive the other.
const tunnelGrace = 10 * time.Second

// switchProtocols passes 101 on and then copies both ways until either side ends.
func (s *session) switchProtocols(u *upstream, head int) {
	s.abandon.clear()
	s.keep = false
	if s.req.Upgrade == nil || s.resp.Upgrade == nil {
		s.refuseUpgrade(u)
		return
	}
	s.status = 101
	s.becomeStream(u)
	b := s.statusLine(s.out[:0])
	b = s.resp.AppendLines(b, toClient)
	b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
	b = append(b, s.resp.Upgrade...)
	s.out = append(b, "\r\n\r\n"...)
	frames := h1.IsWebsocket(s.resp.Upgrade)
	u.consume(head)
	if s.client.send(s.out, s.r.limits.BodyTimeout) == nil {
		s.r.storage.give(s.out)
		s.out = nil
		s.tunnel(u, frames)
	}
	u.close()
}

// refuseUpgrade answers in place of a target that changed protocols unasked, or did not when it said so.
func (s *session) refuseUpgrade(u *upstream) {
	s.keep = false
	s.logFailure(u, h1.ErrStatusLine)
	u.close()
	s.answerFailed(page502())
}

// tunnel copies both ways. It owns both connections and returns when nothing uses them any more.
func (s *session) tunnel(u *upstream, frames bool) {
	var leaving atomic.Bool
	if frames {
		client := s.client.conn // the session may serve another when this is called
		bye := func() {
			leaving.Store(true)
			_ = client.SetWriteDeadline(time.Now().Add(time.Second))
			_ = u.conn.SetReadDeadline(past)
		}
		u.bye.Store(&bye)
	}
	s.req.Fields, s.resp.Fields = nil, nil // it may be long
	up := make(chan int64, 1)
	var late atomic.Pointer[time.Timer]
	go func() {
		n := s.pour(&s.client, &u.socket, nil)
		u.closeWrite()
		late.Store(s.hurry(u))
		up <- n
	}()
	var pos framePosition
	s.bytesOut = s.pour(&u.socket, &s.client, &pos)
	if leaving.Load() && pos.between() {
		_ = s.client.send(goingAway(), time.Second)
	}
	s.client.closeWrite()
	defer s.hurry(u).Stop()
	s.bytesIn = <-up
	late.Load().Stop()
}

// hurry gives one direction of a tunnel whose other has ended its last time: tunnelGrace, or a second
// when the tunnel was cut.
func (s *session) hurry(u *upstream) *time.Timer {
	client, left := s.client.conn, tunnelGrace
	if u.cut.Load() {
		left = time.Second
	}
	return time.AfterFunc(left, func() {
		_ = u.conn.Close()
		_ = client.Close()
	})
}

// pour copies src to dst until either fails, and returns the bytes copied. pos, if any, follows them.
func (s *session) pour(src, dst *socket, pos *framePosition) (n int64) {
	for {
		if b := src.unread(); len(b) > 0 {
			if dst.send(b, s.r.limits.BodyTimeout) != nil {
				return n
			}
			if pos != nil {
				pos.advance(b)
			}
			n += int64(len(b))
			src.consume(len(b))
		}
		if src.fill(forever, bulkStorage) != nil {
			return n
		}
	}
}
