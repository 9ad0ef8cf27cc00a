package handover

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// Valve is a listener that can be shut for a while: connections then wait in the kernel, for it to open
// again or for a successor to accept them. It knows how many of its connections are open. It takes over a
// listener that has deadlines, as those of Sockets have.
type Valve struct {
	net.Listener
	mu   sync.Mutex
	shut chan struct{} // closed when the valve opens; nil while it is open
	open int
	none chan struct{} // closed when open has come down to 0; replaced when a connection comes
}

// NewValve returns an open valve in front of ln.
func NewValve(ln net.Listener) *Valve {
	none := make(chan struct{})
	close(none)
	return &Valve{Listener: ln, none: none}
}

// Shut lets no connection in any more, until Open or Close. It does not block.
func (v *Valve) Shut() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.shut == nil {
		v.shut = make(chan struct{})
	}
	return v.deadline(time.Unix(1, 0))
}

// Open lets connections in again.
func (v *Valve) Open() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.shut == nil {
		return nil
	}
	close(v.shut)
	v.shut = nil
	return v.deadline(time.Time{})
}

func (v *Valve) deadline(t time.Time) error {
	l, ok := v.Listener.(interface{ SetDeadline(time.Time) error })
	if !ok {
		return errors.New("the listener has no deadlines")
	}
	return l.SetDeadline(t)
}

// Accept implements net.Listener. While the valve is shut it blocks.
func (v *Valve) Accept() (net.Conn, error) {
	for {
		conn, err := v.Listener.Accept()
		if err == nil {
			return v.admit(conn), nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
		v.mu.Lock()
		shut := v.shut
		v.mu.Unlock()
		if shut != nil {
			<-shut
		}
	}
}

// Close implements net.Listener.
func (v *Valve) Close() error {
	err := v.Listener.Close()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.shut != nil { // a blocked Accept must see it
		close(v.shut)
		v.shut = nil
	}
	return err
}

func (v *Valve) admit(conn net.Conn) net.Conn {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open == 0 {
		v.none = make(chan struct{})
	}
	v.open++
	return &passed{Conn: conn, valve: v}
}

// Empty blocks until none of the valve's connections is open, or ctx ends.
func (v *Valve) Empty(ctx context.Context) error {
	v.mu.Lock()
	none := v.none
	v.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// passed is a connection that was let through.
type passed struct {
	net.Conn
	valve *Valve
	once  sync.Once
}

// Close implements net.Conn.
func (p *passed) Close() error {
	p.once.Do(func() {
		p.valve.mu.Lock()
		defer p.valve.mu.Unlock()
		if p.valve.open--; p.valve.open == 0 {
			close(p.valve.none)
		}
	})
	return p.Conn.Close()
}
