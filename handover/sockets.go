package handover

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sockets are the listening sockets of csphd, by name. They outlive the listeners that are made from
// them: while nobody accepts, connections wait in the kernel, and a successor inherits them. All methods
// may be called from any goroutine.
type Sockets struct {
	mu   sync.Mutex
	held map[string]held
}

// held is one listening socket and the address that it was asked for by.
type held struct {
	address string
	file    *os.File
}

// NewSockets returns an empty set.
func NewSockets() *Sockets { return &Sockets{held: map[string]held{}} }

// Listen returns a listener on the TCP address. The socket of that name is used again when it was bound
// by the same address, and replaced by a new one otherwise. Closing the listener keeps the socket.
func (s *Sockets) Listen(name, address string) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.held[name]
	if ok && old.address == address {
		return listenerOf(old.file)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	file, err := duplicate(ln.(*net.TCPListener))
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	if ok {
		err = old.file.Close()
	}
	s.held[name] = held{address, file}
	return ln, err
}

// Close closes every socket. Listeners made from them must be closed by their owners.
func (s *Sockets) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, h := range s.held {
		errs = append(errs, h.file.Close())
	}
	clear(s.held)
	return errors.Join(errs...)
}

// Keep closes the sockets of other names: a successor may be configured to have fewer of them.
func (s *Sockets) Keep(names ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	var errs []error
	for name, h := range s.held {
		if !wanted[name] {
			errs = append(errs, h.file.Close())
			delete(s.held, name)
		}
	}
	return errors.Join(errs...)
}

func (s *Sockets) adopt(name, address string, file *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[name] = held{address, file}
}

// each calls f for every socket.
func (s *Sockets) each(f func(name, address string, file *os.File)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, h := range s.held {
		f(name, h.address, h.file)
	}
}

func listenerOf(file *os.File) (net.Listener, error) {
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("listen on an inherited socket: %w", err)
	}
	return ln, nil
}

// duplicate returns the socket of conn as a file whose descriptor stays non-blocking when it is asked for,
// which net's own File does not: the mode is shared by all that have the socket, and a blocking accept
// could not be ended.
func duplicate(conn syscall.Conn) (*os.File, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("duplicate a socket: %w", err)
	}
	fd := -1
	var failed error
	err = raw.Control(func(own uintptr) { fd, failed = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("duplicate a socket: %w", err)
	}
	return os.NewFile(uintptr(fd), "socket"), nil
}
