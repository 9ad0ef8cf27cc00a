package router

import (
	"runtime"
	"time"
)

// attend waits for bytes, at most for timeout, and calls s.each, which takes them, whenever some have
// arrived. When that reports true, it waits again, for timeout anew; it returns nil once it has reported
// false, or the error of fill. Nothing may be unread before.
//
// It is one wait of the runtime's poller from the first call of each to the last: what arrives meanwhile is
// not forgotten, so that a new wait need not begin with a read that finds nothing. Until it returns
// nobody may read from the socket, and closing its connection would wait for it; each must do neither.
//
// With one processor the other connections get their turn before it waits: when there are many, the next
// bytes are often there afterwards, and the poller is not needed at all.
func (s *socket) attend(timeout time.Duration) error {
	if s.raw == nil {
		return s.fill(timeout, smallStorage)
	}
	if s.onArrival == nil {
		s.onArrival = s.arrived
	}
	s.patience, s.attendErr = timeout, nil
	s.readBy.set(s.watch.after(timeout))
	err := s.raw.Read(s.onArrival)
	if err == nil {
		return s.attendErr
	}
	if !s.readBy.clear() {
		return errTimeout
	}
	return err
}

// arrived is called when bytes may have arrived; true ends the wait.
func (s *socket) arrived(fd uintptr) bool {
	for s.readReady(fd) {
		if !s.readBy.clear() {
			s.attendErr = errTimeout
			return true
		}
		if s.attendErr = s.filled(nil); s.attendErr != nil || !s.each() {
			return true
		}
		s.readBy.set(s.watch.after(s.patience))
		if !s.alone {
			return false
		}
		runtime.Gosched()
	}
	return false
}
