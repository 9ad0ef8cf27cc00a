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
	path     string
	listener net.Listener
	serving  sync.WaitGroup
	life     context.Context
	stop     context.CancelFunc
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

// OpenControl listens at path, in place of whatever is there, and has execute called for each order, at
// the same time for several. The context that execute gets ends with Close.
func OpenControl(path string, execute func(context.Context, Order) (Outcome, error)) (*Control, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // by then it may be a successor's
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open the control socket: %w", err), ln.Close())
	}
	c := &Control{path: path, listener: ln}
	c.life, c.stop = context.WithCancel(context.Background())
	server := rpc.NewServer()
	if err := server.RegisterName(controlService, orders{c.life, execute}); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	c.serving.Go(func() { c.accept(server) })
	return c, nil
}

func (c *Control) accept(server *rpc.Server) {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.serving.Go(func() {
			defer context.AfterFunc(c.life, func() { _ = conn.Close() })()
			server.ServeCodec(jsonrpc.NewServerCodec(conn))
		})
	}
}

// Close takes no more orders, ends the context of those under way and waits for them.
func (c *Control) Close() error {
	err := c.listener.Close()
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
