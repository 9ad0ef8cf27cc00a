package handover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrGone is returned by calls to a predecessor that has ended. What it was asked for needs no doing any more.
var ErrGone = errors.New("the process before this one has ended")

// Predecessor is the process that this one takes over from. Its methods may be called from any goroutine.
type Predecessor struct {
	// Lock is the lock file of the state folder; the lock is held on it, by both processes.
	Lock *os.File
	// Sockets are what the old process listens on.
	Sockets *Sockets
	// Files are Offer.Files, in their order. Who takes over closes them.
	Files []*os.File

	calls *rpc.Client
}

// Inherit returns the process that started this one as its successor, nil when there is none. Processes
// that this one starts inherit nothing of it.
func Inherit() (*Predecessor, error) {
	text, ok := os.LookupEnv(variable)
	if !ok {
		return nil, nil
	}
	if err := os.Unsetenv(variable); err != nil {
		return nil, fmt.Errorf("inherit: %w", err)
	}
	var left estate
	if err := json.Unmarshal([]byte(text), &left); err != nil {
		return nil, fmt.Errorf("inherit: %s is not what csphd writes: %w", variable, err)
	}
	conn, err := inheritConn(left.Conn)
	if err != nil {
		return nil, err
	}
	p := &Predecessor{Lock: inheritFile(left.Lock, "lock"), Sockets: NewSockets(), calls: jsonrpc.NewClient(conn)}
	for _, s := range left.Sockets {
		file := inheritFile(s.FD, s.Name)
		if s.Name == fileName {
			p.Files = append(p.Files, file)
			continue
		}
		p.Sockets.adopt(s.Name, s.Address, file)
	}
	return p, nil
}

func inheritFile(fd int, name string) *os.File {
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}

func inheritConn(fd int) (net.Conn, error) {
	file := inheritFile(fd, "predecessor")
	if file == nil {
		return nil, fmt.Errorf("inherit: %d is no descriptor", fd)
	}
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("inherit: %w", err)
	}
	return conn, nil
}

// Prepared says that this process, of the version given, is ready to take over, and blocks until the state is
// free. That is so as well once the old process has died. Any other error means that nothing may be touched.
func (p *Predecessor) Prepared(ctx context.Context, version string) error {
	err := p.call(ctx, callPrepared, version, new(bool))
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// Memory returns what the old process passes on from its memory. The error is ErrGone when it is not there any
// more; one of an older version refuses the call.
func (p *Predecessor) Memory(ctx context.Context) (json.RawMessage, error) {
	var memory json.RawMessage
	err := p.call(ctx, callMemory, true, &memory)
	return memory, err
}

// Serving tells the old process that it may stop accepting connections.
func (p *Predecessor) Serving(ctx context.Context) error {
	return p.call(ctx, callServing, true, new(bool))
}

// Failed tells the old process, before this one ends, why it has to go on.
func (p *Predecessor) Failed(ctx context.Context, why error) error {
	return p.call(ctx, callFailed, why.Error(), new(bool))
}

// Route has the old process serve what it still serves by this table.
func (p *Predecessor) Route(ctx context.Context, table any) error {
	return p.call(ctx, callRoute, table, new(bool))
}

// Drain blocks until the old process has no request in flight to the targets, or the deadline, and
// returns how many it cut.
func (p *Predecessor) Drain(ctx context.Context, targets []netip.AddrPort, deadline time.Duration) (cut int, err error) {
	err = p.call(ctx, callDrain, DrainOrder{targets, deadline}, &cut)
	return cut, err
}

// DrainStreams blocks until the old process has no websocket or other stream to the targets, and returns how
// many it cut.
func (p *Predecessor) DrainStreams(ctx context.Context, targets []netip.AddrPort) (cut int, err error) {
	err = p.call(ctx, callDrainStreams, DrainOrder{Targets: targets}, &cut)
	return cut, err
}

// Close ends the connection to the old process.
func (p *Predecessor) Close() error { return p.calls.Close() }

// call blocks until the answer is there or ctx ends.
func (p *Predecessor) call(ctx context.Context, method string, in, out any) error {
	call := p.calls.Go(method, in, out, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
	case <-ctx.Done():
		return fmt.Errorf("ask the process before this one: %w", context.Cause(ctx))
	}
	var said rpc.ServerError
	switch {
	case call.Error == nil:
		return nil
	case errors.As(call.Error, &said):
		return fmt.Errorf("the process before this one says: %w", call.Error)
	case errors.Is(call.Error, rpc.ErrShutdown), errors.Is(call.Error, io.ErrUnexpectedEOF), errors.Is(call.Error, io.EOF):
		return ErrGone
	}
	return errors.Join(ErrGone, call.Error)
}
