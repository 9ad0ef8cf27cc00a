package router

import (
	"net"
	"net/netip"
	"time"
)

// abandonCheck is how often a client that waits for its answer is looked at, to see whether it has gone.
const abandonCheck = 2 * time.Second

// ending is how a connection is closed after its last answer.
type ending uint8

const (
	closing   ending = iota // at once
	lingering               // once the client has read the answer
	resetting               // so that the client sees that the answer is not whole
)

func (s *session) close() {
	switch s.ending {
	case lingering:
		s.linger()
	case resetting:
		s.client.reset()
	}
	s.client.release()
	_ = s.client.conn.Close()
	if u := s.up.Load(); u != nil {
		u.close() // only after a mistake: an exchange takes care of its connection itself
	}
}

// origin implements member.
func (s *session) origin() (netip.Addr, bool) { return s.peer, !s.trusted }

// stopIdle ends the wait for a request. One that has arrived is still served.
func (s *session) stopIdle() {
	if !s.idle.Load() {
		return
	}
	if tcp, ok := s.client.conn.(*net.TCPConn); ok {
		_ = tcp.CloseRead()
		return
	}
	_ = s.client.conn.SetReadDeadline(past)
}

// cut ends the connection whatever it is doing. It does not close what its goroutine may be waiting at: that
// would wait for the goroutine.
func (s *session) cut() {
	_ = s.client.conn.SetDeadline(past)
	if tcp, ok := s.client.conn.(*net.TCPConn); ok {
		_ = tcp.CloseRead()
	} else {
		_ = s.client.conn.Close()
	}
	if u := s.up.Load(); u != nil {
		u.end()
	}
}

// expire implements watched.
func (s *session) expire(now int64) bool {
	s.client.expire(now)
	s.checkAbandoned(now)
	return false
}

// checkAbandoned cuts an exchange whose client has gone.
func (s *session) checkAbandoned(now int64) {
	at := s.abandon.at.Load()
	if at <= 0 || at > now {
		return
	}
	if !s.gone() {
		s.abandon.at.CompareAndSwap(at, now+int64(abandonCheck))
		return
	}
	if u := s.up.Load(); u != nil && s.abandon.at.CompareAndSwap(at, expired) {
		u.end()
	}
}

// gone reports whether the client has closed its connection.
func (s *session) gone() (gone bool) {
	if s.lane != nil {
		return s.life.Err() != nil
	}
	if s.client.wire == nil {
		return false
	}
	_ = s.client.wire.Control(func(fd uintptr) {
		if s.client.raw == nil {
			gone = hungUp(fd)
			return
		}
		n, err := peek(fd)
		gone = n == 0 && err == 0 || err != 0 && err != errAgain
	})
	return gone
}
