package lane

import (
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"csph/router/h1"
)

// Conn is the lane of one request. One goroutine may read and one may write at a time; the other
// methods may be called from any.
type Conn struct {
	w   http.ResponseWriter
	req *http.Request
	ctl *http.ResponseController

	ended atomic.Bool // nothing more is read
	whole atomic.Bool // the answer is complete

	mu   sync.Mutex // of the deadlines
	over bool       // the request's handler returns: w must not be used

	body
	answer
}

// Open returns the lane of the request that a handler was called with. Done must be called before the
// handler returns.
func Open(w http.ResponseWriter, req *http.Request) *Conn {
	c := &Conn{w: w, req: req, ctl: http.NewResponseController(w)}
	c.answer.head = req.Method == http.MethodHead
	return c
}

// Whole reports whether the answer was written to its end. If it was not, the handler must panic with
// http.ErrAbortHandler, so that the client sees an error and not the end of the answer.
func (c *Conn) Whole() bool { return c.whole.Load() }

// Tunnel reports whether the request is an extended CONNECT, which only a change of protocols may
// answer with success (RFC 8441 section 5).
func (c *Conn) Tunnel() bool { return c.tunnel }

// Request returns the request as the handler got it.
func (c *Conn) Request() *http.Request { return c.req }

// Take returns the writer for an answer that is not given as HTTP/1.1; Finish must follow its end.
// Nothing may have been written.
func (c *Conn) Take() http.ResponseWriter { return c.w }

// Finish says that the answer written to the taken writer is whole.
func (c *Conn) Finish() { c.finish() }

// Done ends the use of the request; deadlines set later have no effect.
func (c *Conn) Done() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
}

// Read returns the request's body, framed as its head says.
func (c *Conn) Read(p []byte) (int, error) {
	if c.ended.Load() {
		return 0, io.EOF
	}
	n, err := c.read(c.req, p)
	if err != nil && c.ended.Load() {
		err = io.EOF
	}
	return n, err
}

// CloseWrite ends the answer of a request that changed protocols, and any reading.
func (c *Conn) CloseWrite() error {
	if c.state == inTunnel {
		c.whole.Store(true)
	}
	c.ended.Store(true)
	return c.SetReadDeadline(time.Unix(1, 0))
}

// Close gives up: reading and writing end with errors. After the whole answer it does nothing.
func (c *Conn) Close() error {
	if c.whole.Load() {
		return nil
	}
	_ = c.SetReadDeadline(time.Unix(1, 0))
	return c.SetWriteDeadline(time.Unix(1, 0))
}

// SetReadDeadline is as in net.Conn; of HTTP/2, one that has passed cannot be taken back.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.set(c.ctl.SetReadDeadline, t) }

// SetWriteDeadline is as SetReadDeadline.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.set(c.ctl.SetWriteDeadline, t) }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *Conn) set(deadline func(time.Time) error, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return os.ErrClosed
	}
	return deadline(t)
}

// LocalAddr implements net.Conn; a lane has no address of its own.
func (c *Conn) LocalAddr() net.Addr { return nowhere{} }

// RemoteAddr implements net.Conn; a lane has no address of its own.
func (c *Conn) RemoteAddr() net.Addr { return nowhere{} }

type nowhere struct{}

func (nowhere) Network() string { return "lane" }
func (nowhere) String() string  { return "lane" }

// canonical returns a field name in the form that http.Header has it in.
func canonical(h *h1.Head, f *h1.Field) string { return http.CanonicalHeaderKey(string(h.Name(f))) }
