package router

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// spliceLeast is the length from which a body is worth a pipe.
const spliceLeast = 256 << 10

// pipeSize is what a pipe is asked to hold; the kernel may give it less.
const pipeSize = 1 << 20

// sparePipes are kept at most.
const sparePipes = 64

// errNoSplice is the error of connections between which the kernel does not move bytes.
var errNoSplice = errors.New("the kernel cannot move bytes between these connections")

// pipe is a pipe of the kernel that bytes of a body are moved through, without being copied into the
// process (splice(2)). It is empty whenever nobody uses it.
type pipe struct{ r, w int }

// pipes hands out pipes.
type pipes struct{ spare chan pipe }

func newPipes() *pipes { return &pipes{spare: make(chan pipe, sparePipes)} }

func (p *pipes) take() (pipe, error) {
	select {
	case x := <-p.spare:
		return x, nil
	default:
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, os.NewSyscallError("pipe2", err)
	}
	_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize)
	return pipe{fds[0], fds[1]}, nil
}

// give takes an empty pipe back.
func (p *pipes) give(x pipe) {
	select {
	case p.spare <- x:
	default:
		x.close()
	}
}

// close frees the spare pipes. Those in use are closed when they come back and nobody takes them.
func (p *pipes) close() {
	for {
		select {
		case x := <-p.spare:
			x.close()
		default:
			return
		}
	}
}

func (x pipe) close() {
	_ = unix.Close(x.r)
	_ = unix.Close(x.w)
}

// splice moves the rest of a sized body, of which nothing is in memory. It returns errNoSplice when it
// has moved nothing since it cannot.
func (r *relay) splice(left int64) error {
	x, err := r.pipes.take()
	if err != nil {
		return errNoSplice
	}
	for all := left; left > 0; {
		n, err := r.src.spliceTo(x, min(left, pipeSize), r.idle)
		if err == errNoSplice && left < all {
			err = io.ErrUnexpectedEOF // it could before
		}
		if err == nil {
			err = r.dst.spliceFrom(x, n, n < left, r.limits.BodyTimeout)
			r.dstFailed = err != nil
		}
		if err != nil {
			x.close()
			return err
		}
		r.n += n
		left -= n
		if r.progress != nil {
			r.progress()
		}
	}
	r.pipes.give(x)
	return nil
}

// canSplice reports whether a body with so many bytes left can and should be moved by the kernel.
func (r *relay) canSplice(left int64) bool {
	return left >= spliceLeast && r.pipes != nil && r.src.raw != nil && r.dst.raw != nil && len(r.src.unread()) == 0
}

// spliceTo moves what has arrived, most bytes at most, into an empty pipe, after a wait of at most timeout
// for the first. The errors are those of fill, and errNoSplice.
func (s *socket) spliceTo(x pipe, most int64, timeout time.Duration) (n int64, err error) {
	s.readBy.set(s.watch.after(timeout))
	failed := s.raw.Read(func(fd uintptr) bool {
		n, err = splice(int(fd), x.w, most, 0)
		return err != unix.EAGAIN
	})
	switch {
	case !s.readBy.clear():
		return 0, errTimeout
	case failed != nil:
		return 0, failed
	case err == unix.EINVAL || err == unix.ENOSYS:
		return 0, errNoSplice
	case err != nil:
		return 0, os.NewSyscallError("splice", err)
	case n == 0:
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

// spliceFrom moves n bytes out of a pipe. Each step that gets a byte out has timeout for it. more tells
// that the body goes on.
func (s *socket) spliceFrom(x pipe, n int64, more bool, timeout time.Duration) (err error) {
	flags := 0
	if more {
		flags = unix.SPLICE_F_MORE
	}
	s.allow, s.wrote = timeout, 0
	s.writeBy.set(s.watch.after(timeout))
	failed := s.raw.Write(func(fd uintptr) bool {
		for n > 0 {
			var moved int64
			if moved, err = splice(x.r, int(fd), n, flags); err != nil {
				return err != unix.EAGAIN || !s.extendWrite()
			}
			n -= moved
			s.wrote += int(moved)
		}
		return true
	})
	switch {
	case !s.writeBy.clear():
		return errTimeout
	case failed != nil:
		return failed
	case err != nil:
		return os.NewSyscallError("splice", err)
	}
	return nil
}

func splice(from, to int, n int64, flags int) (int64, error) {
	for {
		moved, err := unix.Splice(from, nil, to, nil, int(n), flags|unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if err != unix.EINTR {
			return max(moved, 0), err
		}
	}
}
