package router

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Errors of sockets that the router tells apart.
const (
	errAgain = syscall.EAGAIN
	errReset = syscall.ECONNRESET
	errPipe  = syscall.EPIPE
)

// The calls below are made on sockets that never block, so that they skip what the runtime does
// around a call that may: a third of the cost of proxying a small request.

func sysRead(fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
		if err != syscall.EINTR {
			return int(n), err
		}
	}
}

func sysWrite(fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
			syscall.MSG_NOSIGNAL, 0, 0)
		if err != syscall.EINTR {
			return int(n), err
		}
	}
}

// quiet reports whether the socket is open and nothing has arrived.
func quiet(fd uintptr) bool {
	_, err := peek(fd)
	return err == syscall.EAGAIN
}

// peek returns how many bytes could be read, 1 at most, and leaves them; 0 without error is the end of the stream.
func peek(fd uintptr) (int, syscall.Errno) {
	var b [1]byte
	for {
		n, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b[0])), 1,
			syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
		if err != syscall.EINTR {
			return int(n), err
		}
	}
}

// hungUp reports whether the peer has closed, though what it sent last, as TLS does, was not read yet.
func hungUp(fd uintptr) bool {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && (info.State == unix.BPF_TCP_CLOSE_WAIT || info.State == unix.BPF_TCP_CLOSE)
}

func errorOf(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
