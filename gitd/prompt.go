package gitd

import (
	"net"

	"golang.org/x/sys/unix"
)

// acknowledgeAtOnce has the kernel acknowledge what arrives next without the usual delay (tcp(7),
// TCP_QUICKACK). OpenSSH's client sends the messages of its handshake one by one and, by Nagle's rule, holds
// each back until the one before is acknowledged: with delayed acknowledgements that costs it 40 ms, twice.
// The kernel falls back by itself, so that it has to be told before each read.
func acknowledgeAtOnce(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // closed; the read will say so
	}
	// Where the kernel refuses, the handshake takes its 40 ms longer.
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
}
