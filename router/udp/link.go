package udp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// Kinds of messages on a link, each its first byte.
const (
	kindWill   = 'i' // what the older process leaves, as JSON
	kindWant   = 'w' // the newer process asks for the socket
	kindYours  = 'y' // the older one has stopped reading it
	kindPacket = 'p' // a packet that the newer one has read for the older one
)

// A packet's message starts with where it came from and what the kernel said of it, in fixed places.
const (
	maxOOB   = 128
	portAt   = 1
	ipAt     = portAt + 2
	zoneAt   = ipAt + net.IPv6len
	oobLenAt = zoneAt + unix.IFNAMSIZ
	oobAt    = oobLenAt + 1
	headSize = oobAt + maxOOB
)

// linkBuffer bounds what waits in a link, in bytes: some hundred packets.
const linkBuffer = 4 << 20

// errLinkEnded is returned by a link at whose other end nobody is left.
var errLinkEnded = fmt.Errorf("the process at the other end of the link has gone: %w", io.EOF)

// link is one end of a pair of sockets between two processes. One goroutine may read it and one may write.
type link struct {
	conn *net.UnixConn
	raw  syscall.RawConn

	in, out [headSize]byte // of the packet that is received and sent
}

// linkOf makes the end of a link from a file, which it closes.
func linkOf(file *os.File) (*link, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("open a link: %w", err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("open a link: it is a %T", conn), conn.Close())
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open a link: %w", err), conn.Close())
	}
	return &link{conn: unixConn, raw: raw}, nil
}

// newLink returns both ends of a link, one of them as a file to be inherited.
func newLink() (*link, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a link: %w", err)
	}
	for _, fd := range fds {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, linkBuffer) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, linkBuffer) // as far as the kernel lets us
		}
	}
	theirs := os.NewFile(uintptr(fds[1]), "link")
	ours, err := linkOf(os.NewFile(uintptr(fds[0]), "link"))
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// say sends a message that is no packet. It does not block.
func (l *link) say(kind byte, text []byte) error {
	return l.send(append([]byte{kind}, text...), nil)
}

// hear waits for the next message, at most for d, and returns its text, which must be of the kind.
func (l *link) hear(kind byte, d time.Duration) ([]byte, error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return nil, err
	}
	text, err := l.expect(kind)
	return text, errors.Join(err, l.conn.SetReadDeadline(time.Time{}))
}

// expect is hear for as long as it takes.
func (l *link) expect(kind byte) ([]byte, error) {
	b := make([]byte, 4096)
	n, err := l.conn.Read(b)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, errLinkEnded
	case b[0] != kind:
		return nil, fmt.Errorf("heard %q on a link, want %q", b[0], kind)
	}
	return b[1:n], nil
}

// forward sends a packet on, or drops it when the link is full. The error means that nobody is there.
func (l *link) forward(m *ipv4.Message) error {
	from, ok := m.Addr.(*net.UDPAddr)
	if !ok || m.NN > maxOOB || len(from.Zone) >= unix.IFNAMSIZ {
		return nil
	}
	head := l.out[:]
	clear(head)
	head[0] = kindPacket
	binary.BigEndian.PutUint16(head[portAt:], uint16(from.Port))
	copy(head[ipAt:], from.IP.To16())
	copy(head[zoneAt:], from.Zone)
	head[oobLenAt] = byte(m.NN)
	copy(head[oobAt:], m.OOB[:m.NN])
	err := l.send(head, m.Buffers[0][:m.N])
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) {
		return nil
	}
	return err
}

// send writes one message made of both parts.
func (l *link) send(head, body []byte) (err error) {
	failed := l.raw.Write(func(fd uintptr) bool {
		_, err = unix.SendmsgBuffers(int(fd), [][]byte{head, body}, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		return true
	})
	if failed != nil {
		return failed
	}
	return os.NewSyscallError("sendmsg", err)
}

// readBatch waits for packets that were forwarded and fills ms with those that are there.
func (l *link) readBatch(ms []ipv4.Message) (n int, err error) {
	failed := l.raw.Read(func(fd uintptr) bool {
		err = nil
		for n < len(ms) && err == nil {
			var packet bool
			if packet, err = l.receive(int(fd), &ms[n]); packet {
				n++
			}
		}
		return n > 0 || !errors.Is(err, unix.EAGAIN)
	})
	switch {
	case n > 0:
		return n, nil
	case failed != nil:
		return 0, failed
	}
	return 0, err
}

// receive reads one message and reports whether it is a packet, which m then has.
func (l *link) receive(fd int, m *ipv4.Message) (packet bool, err error) {
	n, _, _, _, err := unix.RecvmsgBuffers(fd, [][]byte{l.in[:], m.Buffers[0]}, nil, unix.MSG_DONTWAIT)
	switch {
	case err != nil:
		return false, err
	case n == 0:
		return false, errLinkEnded
	case n <= headSize || l.in[0] != kindPacket:
		return false, nil
	}
	head := l.in[:]
	m.N, m.NN = n-headSize, min(int(head[oobLenAt]), maxOOB, len(m.OOB))
	copy(m.OOB, head[oobAt:oobAt+m.NN])
	zone, _, _ := bytes.Cut(head[zoneAt:oobLenAt], []byte{0})
	m.Addr = &net.UDPAddr{
		IP: bytes.Clone(head[ipAt:zoneAt]), Zone: string(zone), Port: int(binary.BigEndian.Uint16(head[portAt:])),
	}
	return true, nil
}

// ended reports whether nobody is left at the other end of a link on which that has nothing to say.
func (l *link) ended() (gone bool) {
	err := l.raw.Control(func(fd uintptr) {
		n, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		gone = n == 0 && err == nil
	})
	return gone || err != nil
}

// file duplicates this end, to be inherited.
func (l *link) file() (*os.File, error) { return duplicate(l.raw) }

func (l *link) close() error { return l.conn.Close() }

// duplicate returns a descriptor as a file that is, and stays, non-blocking: the mode is shared by all who
// have it.
func duplicate(raw syscall.RawConn) (*os.File, error) {
	fd := -1
	var failed error
	err := raw.Control(func(own uintptr) { fd, failed = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("duplicate a socket: %w", err)
	}
	return os.NewFile(uintptr(fd), "socket"), nil
}
