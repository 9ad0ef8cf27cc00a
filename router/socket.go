package router

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

var (
	errTimeout = errors.New("timed out")
	errStale   = errors.New("the connection was closed while unused")
	errFull    = errors.New("more bytes than allowed")
)

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// socket is a connection with a read buffer that exists only while it holds bytes, and deadlines kept
// by the watch. One goroutine may read and one may write at a time.
type socket struct {
	conn    net.Conn
	raw     syscall.RawConn // nil where the stream is not what is on the wire (TLS)
	wire    syscall.RawConn // of the TCP connection below; nil where there is none
	storage *storage
	watch   *watch

	readBy, writeBy deadline
	allow           time.Duration // for each write that gets a byte out

	buf  []byte // from storage; nil when nothing is unread
	r, w int    // unread: buf[r:w]
	want int    // size of the storage to take next

	read, wrote            int  // results of the callbacks below
	moved                  bool // the last send or ask got a byte out
	readErr, writeErr      error
	out                    []byte
	asking                 bool
	onRead, onWrite, onAsk func(fd uintptr) bool

	each      func() (again bool) // takes what attend has received
	onArrival func(fd uintptr) bool
	patience  time.Duration
	attendErr error
	alone     bool // there is one processor
}

// open makes s the socket of conn.
func (s *socket) open(conn net.Conn, st *storage, w *watch, want int) {
	s.conn, s.storage, s.watch, s.want = conn, st, w, want
	s.raw, s.wire = nil, nil
	below := conn
	if secure, ok := conn.(*tls.Conn); ok {
		below = secure.NetConn()
	}
	tcp, ok := below.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	s.wire = raw
	if below != conn {
		return
	}
	s.raw = raw
	s.onRead, s.onWrite, s.onAsk = s.readReady, s.writeReady, s.askReady
}

// preload puts b, which becomes the socket's own, in front of all that is received.
func (s *socket) preload(b []byte) { s.buf, s.r, s.w = b[:cap(b)], 0, len(b) }

// unread returns the bytes received and not yet consumed; they are valid until the next fill.
func (s *socket) unread() []byte { return s.buf[s.r:s.w] }

// consume marks n unread bytes as done with, and gives the storage back after the last.
func (s *socket) consume(n int) {
	if s.r += n; s.r == s.w {
		s.release()
	}
}

// release drops what is unread and gives the storage back.
func (s *socket) release() {
	if s.buf != nil {
		s.storage.give(s.buf)
		s.buf = nil
	}
	s.r, s.w = 0, 0
}

// room makes space behind the unread bytes, in larger storage up to limit bytes if need be.
func (s *socket) room(limit int) error {
	held := s.w - s.r
	if held >= limit {
		return errFull
	}
	if s.buf == nil || s.w < len(s.buf) {
		return nil
	}
	if s.r > 0 && held <= len(s.buf)/2 {
		copy(s.buf, s.buf[s.r:s.w])
	} else {
		larger := s.storage.take(min(8*len(s.buf), max(limit, smallStorage)))
		copy(larger, s.buf[s.r:s.w])
		s.storage.give(s.buf)
		s.buf = larger
	}
	s.r, s.w = 0, held
	return nil
}

// fill waits for bytes, at most for timeout, and adds them to the unread ones, which may be limit at
// most. It returns io.EOF at the end of the stream, errTimeout, errFull or the connection's error.
func (s *socket) fill(timeout time.Duration, limit int) error {
	if err := s.room(limit); err != nil {
		return err
	}
	s.readBy.set(s.watch.after(timeout))
	var err error
	if s.raw != nil {
		err = s.raw.Read(s.onRead)
	} else {
		s.readConn()
	}
	if !s.readBy.clear() {
		return errTimeout
	}
	return s.filled(err)
}

func (s *socket) filled(err error) error {
	switch {
	case err != nil:
		return err
	case s.readErr != nil:
		return os.NewSyscallError("read", s.readErr)
	case s.read == 0:
		return io.EOF
	}
	s.w += s.read
	return nil
}

// readConn reads through the net.Conn.
func (s *socket) readConn() {
	if s.buf == nil {
		s.buf = s.storage.take(s.want)
	}
	s.read, s.readErr = s.conn.Read(s.buf[s.w:])
	if s.read > 0 || s.readErr == io.EOF {
		s.readErr = nil
	}
}

// readReady is called when bytes may have arrived; false means that none have.
func (s *socket) readReady(fd uintptr) bool {
	if s.buf == nil {
		s.buf = s.storage.take(s.want)
	}
	n, err := sysRead(fd, s.buf[s.w:])
	if err == syscall.EAGAIN {
		if s.w == 0 {
			s.release()
		}
		return false
	}
	s.read, s.readErr = n, errorOf(err)
	return true
}

// send writes all of b. Each write that gets a byte out has timeout for it.
func (s *socket) send(b []byte, timeout time.Duration) error {
	s.allow = timeout
	s.writeBy.set(s.watch.after(timeout))
	var err error
	if s.raw != nil {
		s.out, s.wrote, s.moved, s.writeErr = b, 0, false, nil
		err = s.raw.Write(s.onWrite)
		s.out = nil
		if err == nil {
			err = s.writeErr
		}
	} else {
		var n int
		n, err = s.conn.Write(b)
		s.moved = n > 0
	}
	if !s.writeBy.clear() {
		return errTimeout
	}
	return err
}

// writeReady is called when bytes may be taken; false means that more must wait.
func (s *socket) writeReady(fd uintptr) bool {
	for len(s.out) > 0 {
		n, err := sysWrite(fd, s.out)
		if err == syscall.EAGAIN {
			return !s.extendWrite()
		}
		if err != 0 {
			s.writeErr = os.NewSyscallError("write", err)
			return true
		}
		s.wrote += n
		s.moved = true
		s.out = s.out[n:]
	}
	return true
}

// extendWrite gives a write that made progress its time anew. It reports false when it was too late.
func (s *socket) extendWrite() bool {
	if s.wrote == 0 {
		return true
	}
	s.wrote = 0
	at := s.writeBy.at.Load()
	return at != expired && s.writeBy.at.CompareAndSwap(at, s.watch.after(s.allow))
}

// extendRead gives a wait for bytes its time anew.
func (s *socket) extendRead(timeout time.Duration) {
	if at := s.readBy.at.Load(); at > 0 {
		s.readBy.at.CompareAndSwap(at, s.watch.after(timeout))
	}
}

// expire ends waits that are overdue.
func (s *socket) expire(now int64) {
	if s.readBy.claim(now) {
		_ = s.conn.SetReadDeadline(past)
	}
	if s.writeBy.claim(now) {
		_ = s.conn.SetWriteDeadline(past)
	}
}

// closeWrite ends the stream towards the peer and leaves the other direction open.
func (s *socket) closeWrite() {
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}

// reset closes so that the peer sees an error and not the end of a stream.
func (s *socket) reset() {
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = s.conn.Close()
}
