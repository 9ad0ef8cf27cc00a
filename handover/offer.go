package handover

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Front is what the old process tells its successor, and goes on doing for it while it drains.
type Front interface {
	// Memory returns what the successor is to know beyond the state folder, as JSON. It does not block.
	Memory() (json.RawMessage, error)
	// Route installs a table of the successor. It does not block.
	Route(table json.RawMessage) error
	// Drain and DrainStreams drain targets that a Route has replaced, and return how many were cut.
	Drain(ctx context.Context, targets []netip.AddrPort, deadline time.Duration) (cut int, err error)
	DrainStreams(ctx context.Context, targets []netip.AddrPort) (cut int, err error)
}

// Offer is what a successor is started with.
type Offer struct {
	Path    string   // its binary
	Args    []string // without the binary's name
	Sockets *Sockets // all are inherited
	// Files are inherited, too, and are found in Predecessor.Files. They must be non-blocking, and stay so.
	Files []*os.File
	Lock  *os.File // of the state folder; inherited with the lock that is held on it
	Front Front
}

// Successor is the process that takes over.
type Successor struct {
	cmd     *exec.Cmd
	conn    net.Conn
	desk    *desk
	life    context.Context
	stop    context.CancelFunc
	exited  chan struct{} // closed once the process has ended
	exitErr error         // set before exited is closed
	served  sync.WaitGroup
}

// Start starts the successor and blocks until it is prepared. When that fails, or ctx ends first, the process
// is gone and the error says why.
func (o Offer) Start(ctx context.Context) (*Successor, error) {
	conn, theirs, err := connPair()
	if err != nil {
		return nil, err
	}
	cmd, err := o.command(theirs)
	if err == nil {
		err = cmd.Start()
	}
	theirs.Close()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("start the new csphd: %w", err)
	}
	s := &Successor{cmd: cmd, conn: conn, exited: make(chan struct{})}
	s.life, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.desk = newDesk(s.life, o.Front)
	s.served.Go(s.answer)
	go func() {
		s.exitErr = cmd.Wait()
		close(s.exited)
	}()
	if err := s.await(ctx, s.desk.prepared); err != nil {
		s.Kill()
		return nil, fmt.Errorf("the new csphd did not get ready: %w", err)
	}
	return s, nil
}

// command is the successor's command line, environment and descriptors, which count from 3.
func (o Offer) command(conn *os.File) (*exec.Cmd, error) {
	cmd := exec.Command(o.Path, o.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{conn, o.Lock}
	left := estate{Conn: 3, Lock: 4}
	leave := func(name, address string, file *os.File) {
		left.Sockets = append(left.Sockets, socket{name, address, 3 + len(cmd.ExtraFiles)})
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	o.Sockets.each(leave)
	for _, file := range o.Files {
		leave(fileName, "", file)
	}
	env, err := left.encode()
	cmd.Env = append(os.Environ(), env)
	return cmd, err
}

// answer serves the successor's calls until the connection closes, and waits for those under way.
func (s *Successor) answer() {
	server := rpc.NewServer()
	if err := server.RegisterName(service, s.desk); err != nil {
		panic("handover: the methods of desk are no RPC methods: " + err.Error())
	}
	server.ServeCodec(jsonrpc.NewServerCodec(s.conn))
}

// PID is the successor's.
func (s *Successor) PID() int { return s.cmd.Process.Pid }

// Version is what the successor says it is.
func (s *Successor) Version() string { return s.desk.version }

// Proceed lets the successor have the state and blocks until it serves. When it fails to, or ctx ends
// first, it is gone, its hands off the state, and the error says why.
func (s *Successor) Proceed(ctx context.Context) error {
	s.desk.release()
	if err := s.await(ctx, s.desk.serving); err != nil {
		s.Kill()
		return fmt.Errorf("the new csphd did not take over: %w", err)
	}
	return nil
}

// await waits for a call of the successor.
func (s *Successor) await(ctx context.Context, called <-chan struct{}) error {
	select {
	case <-called:
		return nil
	case reason := <-s.desk.failed:
		return errors.New(reason)
	case <-s.exited:
		return s.exitReason()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// exitReason prefers what the successor said to how it ended.
func (s *Successor) exitReason() error {
	select {
	case reason := <-s.desk.failed:
		return errors.New(reason)
	default:
		return fmt.Errorf("it ended (%w); csphd's log says why", cmp.Or(s.exitErr, errors.New("exit status 0")))
	}
}

// Kill ends the successor and waits for its end.
func (s *Successor) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.exited
	s.Leave()
}

// Leave ends the service to the successor, which goes on without. It waits for calls under way.
func (s *Successor) Leave() {
	s.stop()
	s.desk.release()
	_ = s.conn.Close()
	s.served.Wait()
}

// desk answers the calls of one successor. Its exported methods are RPC methods; a bool stands for nothing.
type desk struct {
	life    context.Context
	front   Front
	version string // set before prepared is closed

	once     [3]sync.Once
	prepared chan struct{}
	released chan struct{}
	serving  chan struct{}
	failed   chan string
}

func newDesk(life context.Context, front Front) *desk {
	return &desk{
		life: life, front: front, failed: make(chan string, 1),
		prepared: make(chan struct{}), released: make(chan struct{}), serving: make(chan struct{}),
	}
}

func (d *desk) release() { d.once[1].Do(func() { close(d.released) }) }

// Prepared returns once the state is the caller's.
func (d *desk) Prepared(version string, _ *bool) error {
	d.once[0].Do(func() {
		d.version = version
		close(d.prepared)
	})
	select {
	case <-d.released:
		return nil
	case <-d.life.Done():
		return errors.New("the handover was called off")
	}
}

// Serving is told that the caller accepts connections.
func (d *desk) Serving(bool, *bool) error {
	d.once[2].Do(func() { close(d.serving) })
	return nil
}

// Failed is told why the caller will not take over.
func (d *desk) Failed(reason string, _ *bool) error {
	select {
	case d.failed <- reason:
	default:
	}
	return nil
}

// Memory is Front's.
func (d *desk) Memory(_ bool, memory *json.RawMessage) (err error) {
	*memory, err = d.front.Memory()
	return err
}

// Route takes a table over.
func (d *desk) Route(table json.RawMessage, _ *bool) error { return d.front.Route(table) }

// Drain is Front's.
func (d *desk) Drain(o DrainOrder, cut *int) (err error) {
	*cut, err = d.front.Drain(d.life, o.Targets, o.Deadline)
	return err
}

// DrainStreams is Front's.
func (d *desk) DrainStreams(o DrainOrder, cut *int) (err error) {
	*cut, err = d.front.DrainStreams(d.life, o.Targets)
	return err
}
