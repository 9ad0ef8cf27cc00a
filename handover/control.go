package handover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"sync"
	"time"
)

// Order asks a running csphd to hand over.
type Order struct {
	Path string        `json:"path"` // binary of the new one
	Wait time.Duration `json:"wait"` // for what is under way
}

// Outcome is who has taken over.
type Outcome struct {
	PID     int    `json:"pid"`
	Version string `json:"version"`
}

const controlService = "Control"

// Control takes orders at a socket that only its owner can reach.
type Control struct {
	path    string
	server  *rpc.Server
	serving sync.WaitGroup
	life    context.Context
	stop    context.CancelFunc

	mu       sync.Mutex
	listener net.Listener // nil before Listen
}

// orders are the RPC methods of a Control.
type orders struct {
	life    context.Context
	execute func(context.Context, Order) (Outcome, error)
}

// Upgrade hands over and returns once that has succeeded or failed.
func (o orders) Upgrade(order Order, out *Outcome) (err error) {
	*out, err = o.execute(o.life, order)
	return err
}

// NewControl returns a Control that does not listen yet. It has execute called for each order, at the same
// time for several; the context that execute gets ends with Close.
func NewControl(path string, execute func(context.Context, Order) (Outcome, error)) *Control {
	c := &Control{path: path, server: rpc.NewServer()}
	c.life, c.stop = context.WithCancel(context.Background())
	if err := c.server.RegisterName(controlService, orders{c.life, execute}); err != nil {
		panic("handover: the methods of orders are no RPC methods: " + err.Error())
	}
	return c
}

// Listen takes the path, from whoever has it: a process that has handed over or failed to take over, or
// this one.
func (c *Control) Listen() error {
	if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open the control socket: %w", err)
	}
	ln, err := net.Listen("unix", c.path)
	if err != nil {
		return fmt.Errorf("open the control socket: %w", err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // by then it may be a successor's
	if err := os.Chmod(c.path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("open the control socket: %w", err), ln.Close())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil {
		err = c.listener.Close()
	}
	c.listener = ln
	c.serving.Go(func() { c.accept(ln) })
	return err
}

func (c *Control) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		c.serving.Go(func() {
			defer context.AfterFunc(c.life, func() { _ = conn.Close() })()
			c.server.ServeCodec(jsonrpc.NewServerCodec(conn))
		})
	}
}

// Close takes no more orders, ends the context of those under way and waits for them.
func (c *Control) Close() (err error) {
	c.mu.Lock()
	if c.listener != nil {
		err = c.listener.Close()
	}
	c.mu.Unlock()
	c.stop()
	c.serving.Wait()
	return err
}

// Upgrade asks the csphd whose control socket is at path to hand over, and blocks until the new one
// serves. The error says why the old one went on.
func Upgrade(ctx context.Context, path string, order Order) (Outcome, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return Outcome{}, fmt.Errorf("no csphd answers at %s: %w", path, err)
	}
	client := jsonrpc.NewClient(conn)
	defer client.Close()
	var out Outcome
	call := client.Go(controlService+".Upgrade", order, &out, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return out, call.Error
	case <-ctx.Done():
		return Outcome{}, context.Cause(ctx)
	}
}
