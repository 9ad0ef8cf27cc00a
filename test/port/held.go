package port

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Held is a TCP port that nobody is given by chance until it is closed. Servers that are told its number can listen
// there, on any address of IPv4 or on all of IPv6 too, one at a time and as often as they like; connections to it are
// refused meanwhile. They need SO_REUSEADDR, which servers set.
//
// It is a socket that is bound and does not listen. The kernel gives its number neither to a bind of port 0 nor to an
// outgoing connection, while of two binds that name the number and have SO_REUSEADDR it minds the second only if the first
// one listens (socket(7)). UDP knows no such thing: what keeps its port of the same number free is that the number is
// one that the kernel does not give away (ip_local_port_range, ip(7)), unless the machine is set to give away all.
type Held struct {
	socket int
	number int
}

const (
	lowest = 10000 // services with numbers of their own are below
	fewest = 1000  // numbers that the kernel does not give away, for it to be one of them
	most   = 1 << 16
	tries  = 100
)

// Hold takes a port of this machine, which is free for TCP and UDP on all addresses. The caller closes it.
func Hold() (*Held, error) {
	from, to, err := span()
	if err != nil {
		return nil, err
	}
	for range tries {
		h, err := hold(from + rand.IntN(to-from))
		if err == nil || !errors.Is(err, unix.EADDRINUSE) {
			return h, err
		}
	}
	return nil, fmt.Errorf("hold a port: %d of those from %d to %d were tried, and all are taken", tries, from, to-1)
}

// span is which numbers are tried: from the first up to the second.
func span() (from, to int, err error) {
	const setting = "/proc/sys/net/ipv4/ip_local_port_range"
	text, err := os.ReadFile(setting)
	if err != nil {
		return 0, 0, fmt.Errorf("read which ports the kernel gives away: %w", err)
	}
	var low int
	if _, err := fmt.Sscan(string(text), &low); err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", setting, err)
	}
	if low < lowest+fewest {
		return lowest, most, nil
	}
	return lowest, low, nil
}

// hold takes one number, if it is free. The socket is bound without SO_REUSEADDR, so that two never hold the same, and has it
// from then on.
func hold(number int) (*Held, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	h := &Held{socket: socket, number: number}
	err = unix.Bind(socket, &unix.SockaddrInet4{Port: number})
	if err == nil {
		err = unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = freeForPackets(number)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold port %d: %w", number, err), h.Close())
	}
	return h, nil
}

// freeForPackets is an error where somebody has the UDP port.
func freeForPackets(number int) error {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{Port: number})
	if err != nil {
		return err
	}
	return conn.Close()
}

// Number is the port's.
func (h *Held) Number() int { return h.number }

// Address is the port on the loopback address, as host:port.
func (h *Held) Address() string { return fmt.Sprintf("127.0.0.1:%d", h.number) }

// Close lets the number go. Who listens there is not disturbed.
func (h *Held) Close() error {
	if err := unix.Close(h.socket); err != nil {
		return fmt.Errorf("let port %d go: %w", h.number, err)
	}
	return nil
}
