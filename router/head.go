package router

import (
	"errors"
	"io"
	"time"

	"csph/router/h1"
)

// What ends a connection before there is a request, besides other *h1.Error.
var (
	errGone        = errors.New("the client is gone")
	errHeadTimeout = &h1.Error{Status: 408, Reason: "the request took too long to arrive"}
	errHeadSize    = &h1.Error{Status: 431, Reason: "the header is too large"}
)

// awaitRequest waits for the first bytes of a request. It reports false when none will come.
func (s *session) awaitRequest() bool {
	if len(s.client.unread()) > 0 {
		return true
	}
	defer s.idle.Store(false)
	if !s.mayWait() {
		return false
	}
	s.client.want = smallStorage
	s.keep = true
	err := s.client.attend(s.r.limits.IdleTimeout)
	return err == nil && s.keep && len(s.client.unread()) > 0
}

// mayWait notes that the connection is idle from now on. It reports false when it must not be.
func (s *session) mayWait() bool {
	s.idle.Store(true)
	return s.r.life.Err() == nil && !s.r.retirement.tooLate()
}

// serveArrived serves a request that has arrived whole and has no body, while the wait for requests goes
// on: it reads nothing from the client. It reports false when that wait must end: the connection does, or
// what has arrived has to be served outside of it.
func (s *session) serveArrived() (again bool) {
	s.idle.Store(false)
	var scan h1.Scan
	head, err := scan.End(s.client.unread())
	if err != nil || head == 0 || head > s.r.limits.HeaderBytes {
		return false
	}
	if s.req.Parse(s.client.unread()[:head], s.r.limits.HeaderCount) != nil {
		return false
	}
	s.parsed = head
	if s.req.Framing != h1.NoBody || s.req.Upgrade != nil {
		return false
	}
	s.keep = s.serveNext()
	return s.keep && len(s.client.unread()) == 0 && s.mayWait()
}

// parseHead waits for a whole head, parses it and returns its length. The error is errGone or *h1.Error.
func (s *session) parseHead() (int, error) {
	if head := s.parsed; head > 0 {
		s.parsed = 0
		return head, nil
	}
	head, err := s.readHead()
	if err == nil {
		err = s.req.Parse(s.client.unread()[:head], s.r.limits.HeaderCount)
	}
	return head, err
}

// readHead waits for a whole head and returns its length. The error is errGone or *h1.Error.
func (s *session) readHead() (int, error) {
	var scan h1.Scan
	by := s.r.watch.after(s.r.limits.HeadTimeout)
	for {
		n, err := scan.End(s.client.unread())
		switch {
		case err != nil:
			return 0, err
		case n > s.r.limits.HeaderBytes:
			return 0, errHeadSize
		case n > 0:
			return n, nil
		}
		if err := s.moreHead(by); err != nil {
			return 0, err
		}
	}
}

// moreHead waits for more bytes of a head that must be there by a time of the watch.
func (s *session) moreHead(by int64) error {
	left := time.Duration(by - s.r.watch.after(0))
	if left <= 0 {
		return errHeadTimeout
	}
	switch err := s.client.fill(left, s.r.limits.HeaderBytes); err {
	case nil:
		return nil
	case errFull:
		return errHeadSize
	case errTimeout:
		return errHeadTimeout
	default:
		return errGone
	}
}

// refuse answers a request that could not be read, where there is somebody to answer.
func (s *session) refuse(err error) {
	s.status, s.keep = statusGone, false
	var refused *h1.Error
	if !errors.As(err, &refused) {
		return
	}
	s.status = refused.Status
	out := pageRefused(refused.Status, refused.Reason).append(nil, string(s.requestID), asText, false, false)
	if s.client.send(out, s.r.limits.BodyTimeout) == nil {
		s.ending = lingering
	}
}

// linger lets the client read the last answer although it may still be sending: closing at once would
// destroy the answer on its way (RFC 9112 section 9.6).
func (s *session) linger() {
	const most, long = 1 << 20, 2 * time.Second
	s.client.closeWrite()
	until := time.Now().Add(long)
	for n := 0; n < most; n += bulkStorage {
		s.client.release()
		left := time.Until(until)
		if left <= 0 || s.client.fill(left, bulkStorage) != nil {
			return
		}
	}
}

// isGone tells the errors of a connection that just ended from the others.
func isGone(err error) bool {
	return err == io.EOF || errors.Is(err, errReset) || errors.Is(err, errPipe)
}
