package router

import (
	"sync/atomic"
	"time"

	"csph/router/h1"
)

// tunnelGrace is how long one direction of a tunnel may outlive the other.
const tunnelGrace = 10 * time.Second

// tunnel is a client's connection that was joined to a target's by a change of protocols. Both belong to it,
// and so does the account of the request.
type tunnel struct {
	s       *session
	u       *upstream
	leaving atomic.Bool // the client of a websocket is to be told to leave
	late    atomic.Pointer[time.Timer]
	up      chan int64 // bytes that went to the target
}

// switchProtocols passes 101 on and makes the connection a tunnel.
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
	t := &tunnel{s: s, u: u, up: make(chan int64, 1)}
	if h1.IsWebsocket(s.resp.Upgrade) {
		t.prepareGoodbye()
	}
	u.consume(head)
	if s.client.send(s.out, s.r.limits.BodyTimeout) != nil {
		u.close()
		return
	}
	s.r.storage.give(s.out)
	s.out = nil
	s.req, s.resp = h1.Request{}, h1.Response{} // it may be long
	s.through = t
}

// refuseUpgrade answers in place of a target that changed protocols unasked, or did not when it said so.
func (s *session) refuseUpgrade(u *upstream) {
	s.keep = false
	s.logFailure(u, h1.ErrStatusLine)
	u.close()
	s.answerFailed(page502())
}

// carryAndDepart carries the tunnel to its end, and closes the client's connection.
func (t *tunnel) carryAndDepart() {
	t.carry()
	t.s.depart()
}

// carry copies both ways until either side ends, and closes the account. It returns when nothing uses
// the connections any more. It takes little of the stack: a tunnel is mostly idle, and the stacks of its
// two goroutines are most of what it holds then.
func (t *tunnel) carry() {
	defer t.s.r.survive("carrying a tunnel")
	defer t.end()
	go t.upward()
	t.downward()
	defer t.hurry().Stop()
	t.s.bytesIn = <-t.up
	t.late.Load().Stop()
}

// end closes the account.
func (t *tunnel) end() {
	t.u.close()
	t.s.up.Store(nil)
	t.u.target.release(true)
	t.s.settle()
}

// prepareGoodbye has the client told, in place of a cut, that it should leave.
func (t *tunnel) prepareGoodbye() {
	u, client := t.u, t.s.client.conn // the session may serve another when this is called
	bye := func() {
		t.leaving.Store(true)
		_ = client.SetWriteDeadline(time.Now().Add(time.Second))
		_ = u.conn.SetReadDeadline(past)
	}
	u.bye.Store(&bye)
}

// downward copies what the target sends, and then ends the stream towards the client.
func (t *tunnel) downward() {
	client := &t.s.client
	var pos framePosition
	t.s.bytesOut = t.s.pour(&t.u.socket, client, &pos)
	if t.leaving.Load() && pos.between() {
		_ = client.send(goingAway(), time.Second)
	}
	client.closeWrite()
}

// upward copies what the client sends, and then ends the stream towards the target.
func (t *tunnel) upward() {
	n := t.s.pour(&t.s.client, &t.u.socket, nil)
	t.u.closeWrite()
	t.late.Store(t.hurry())
	t.up <- n
}

// hurry gives one direction of a tunnel whose other has ended its last time: tunnelGrace, or a second
// when the tunnel was cut.
func (t *tunnel) hurry() *time.Timer {
	u, client, left := t.u, t.s.client.conn, tunnelGrace
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
