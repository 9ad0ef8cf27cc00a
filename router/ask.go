package router

import (
	"os"
	"syscall"
	"time"
)

// ask writes b and waits for the first bytes of the answer, at most for timeout. If the peer had
// closed, or spoken unasked, nothing is written and the error is errStale. Whether any byte of b left
// is in moved.
func (s *socket) ask(b []byte, write, wait time.Duration) error {
	s.release()
	s.asking, s.out, s.moved, s.writeErr = true, b, false, nil
	s.readBy.set(s.watch.after(wait))
	err := s.raw.Read(s.onAsk)
	rest := s.out
	s.out = nil
	switch {
	case !s.readBy.clear():
		return errTimeout
	case err != nil:
		return err
	case s.writeErr != nil:
		return s.writeErr
	case len(rest) == 0:
		return s.filled(nil)
	}
	begun := s.moved
	err = s.send(rest, write)
	s.moved = s.moved || begun
	if err != nil {
		return err
	}
	return s.fill(wait, bulkStorage)
}

// probe reports errStale when the peer has closed, or spoken unasked.
func (s *socket) probe() (err error) {
	failed := s.raw.Control(func(fd uintptr) {
		if !quiet(fd) {
			err = errStale
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

// askReady looks whether the connection is still quiet, writes, and on later calls reads the answer:
// the look costs nothing, since a first read finds nothing anyway.
func (s *socket) askReady(fd uintptr) bool {
	if !s.asking {
		return s.readReady(fd)
	}
	s.asking = false
	if !quiet(fd) {
		s.writeErr = errStale
		return true
	}
	n, err := sysWrite(fd, s.out)
	if err != 0 && err != syscall.EAGAIN {
		s.writeErr = os.NewSyscallError("write", err)
		return true
	}
	n = max(n, 0)
	s.moved = n > 0
	s.out = s.out[n:]
	return len(s.out) > 0
}
