package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"csph/api/wire"
	"csph/logs"
	"csph/platform"
)

const (
	// beginTimeout bounds the wait for the first message of a session.
	beginTimeout = 10 * time.Second
	// heldBack is how long output is held back that may be the beginning of a secret: who types wants to see it.
	heldBack = 50 * time.Millisecond
)

type openSession struct {
	ServicePath
	Once    bool   `query:"once" doc:"In a spherelet of its own, which goes with the command"`
	Upgrade string `header:"Upgrade" doc:"websocket"`
}

// openSession answers with a WebSocket on which a command runs.
func (s *Server) openSession(ctx context.Context, in *openSession) (*huma.StreamResponse, error) {
	find := s.live
	if in.Once {
		find = s.service
	}
	svc, err := find(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(in.Upgrade, "websocket") {
		return nil, fmt.Errorf("%w: a session is a WebSocket; ask with Upgrade: websocket", platform.ErrInvalid)
	}
	mask, err := s.maskOf(ctx, svc.ID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			requestOf(r.Context()).fail(err)
			return // Accept has answered
		}
		defer conn.CloseNow() // does nothing after Close
		conn.SetReadLimit(wire.SessionMax)
		one := &session{server: s, service: svc, once: in.Once, mask: mask, conn: conn}
		one.run(r.Context())
	}}, nil
}

// session is one command, and the connection that its input and output go through.
type session struct {
	server  *Server
	service platform.Service
	once    bool // in a spherelet of its own
	mask    *logs.Mask
	conn    *websocket.Conn
}

// run carries the command out and tells how it ended. What reads the connection ends with it: a read that is cancelled would
// close it before that was told.
func (t *session) run(ctx context.Context) {
	var exit int
	wanted, spherelet, err := t.begin(ctx)
	if err == nil {
		running, cancel := context.WithCancel(ctx)
		input, feed := io.Pipe()
		sizes := make(chan wire.TerminalSize, 1)
		var helpers sync.WaitGroup
		helpers.Go(func() { defer cancel(); t.receive(ctx, feed, sizes) })
		helpers.Go(func() { defer cancel(); t.keepAlive(running) })
		defer helpers.Wait()
		exit, err = t.command(running, spherelet, Command{Args: wanted.Command, In: input, TTY: wanted.TTY, Term: wanted.Term, Size: wanted.Size, Sizes: sizes})
		cancel()
		_ = input.CloseWithError(io.ErrClosedPipe) // always nil by contract; nobody reads any more
	}
	if err != nil {
		requestOf(ctx).fail(err)
		_ = t.tell(ctx, wire.SessionFailed, t.server.problem(ctx, err).Problem) // the connection ends either way
	} else {
		_ = t.tell(ctx, wire.SessionExit, wire.CommandExit{Code: exit}) // as above
	}
	_ = t.conn.Close(websocket.StatusNormalClosure, "") // as above
}

// begin reads what is to be run, and where; spherelet is empty for one of its own.
func (t *session) begin(ctx context.Context) (wanted wire.NewSession, spherelet string, err error) {
	reading, cancel := context.WithTimeout(ctx, beginTimeout)
	defer cancel()
	_, text, err := t.conn.Read(reading)
	if err != nil {
		return wanted, "", fmt.Errorf("%w: read the first message: %w", platform.ErrInvalid, err)
	}
	if err := json.Unmarshal(text, &wanted); err != nil || len(wanted.Command) == 0 {
		return wanted, "", fmt.Errorf("%w: the first message is the JSON of a command: {\"command\": [\"sh\"], \"tty\": true}", platform.ErrInvalid)
	}
	if !t.once {
		spherelet, err = t.server.running(t.service, wanted.Spherelet)
	}
	return wanted, spherelet, err
}

func (t *session) command(ctx context.Context, spherelet string, c Command) (int, error) {
	out, errs := t.output(ctx, wire.SessionOutput), t.output(ctx, wire.SessionErrors)
	defer out.end()
	defer errs.end()
	c.Out, c.Errs = out, errs
	if t.once {
		return t.server.Commands.RunAttached(ctx, t.service.ID, c)
	}
	return t.server.Commands.Exec(ctx, spherelet, c)
}

// receive takes the client's messages until the connection ends.
func (t *session) receive(ctx context.Context, input *io.PipeWriter, sizes chan wire.TerminalSize) {
	defer input.CloseWithError(io.ErrUnexpectedEOF) // always nil by contract
	for {
		_, m, err := t.conn.Read(ctx)
		if err != nil || len(m) == 0 {
			return
		}
		switch channel, content := m[0], m[1:]; {
		case channel == wire.SessionInput && len(content) == 0:
			_ = input.Close() // always nil by contract
		case channel == wire.SessionInput:
			_, _ = input.Write(content) // the command reads no more, or has ended: what it says tells
		case channel == wire.SessionSize:
			var size wire.TerminalSize
			if json.Unmarshal(content, &size) == nil {
				latest(sizes, size)
			}
		}
	}
}

// latest puts size into a channel of one, in place of one that nobody has taken yet.
func latest(sizes chan wire.TerminalSize, size wire.TerminalSize) {
	select {
	case <-sizes:
	default:
	}
	sizes <- size // only receive sends
}

// keepAlive writes nothing from time to time: a client that has gone without a word is noticed by that.
func (t *session) keepAlive(ctx context.Context) {
	tick := time.NewTicker(t.server.KeepAlive)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if t.send(ctx, wire.SessionOutput, nil) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// send writes one message. Ending ctx does not cut it short, which would end the connection.
func (t *session) send(ctx context.Context, channel byte, content []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return t.conn.Write(ctx, websocket.MessageBinary, append([]byte{channel}, content...))
}

func (t *session) tell(ctx context.Context, channel byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return t.send(ctx, channel, text)
}

// sessionOutput passes on what a command writes, without secrets. What may be the beginning of one is passed on when nothing
// follows it for a moment.
type sessionOutput struct {
	session *session
	ctx     context.Context
	channel byte

	mu    sync.Mutex // held while writing, so that the order stays
	mask  *logs.MaskedStream
	timer *time.Timer
	ended bool
}

func (t *session) output(ctx context.Context, channel byte) *sessionOutput {
	return &sessionOutput{session: t, ctx: ctx, channel: channel, mask: t.mask.Stream()}
}

func (o *sessionOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.timer != nil {
		o.timer.Stop()
	}
	if err := o.pass(o.mask.Next(b)); err != nil {
		return 0, err
	}
	o.timer = time.AfterFunc(heldBack, o.flush)
	return len(b), nil
}

func (o *sessionOutput) pass(b []byte) error {
	const most = wire.SessionMax / 2
	for len(b) > 0 {
		n := min(len(b), most)
		if err := o.session.send(o.ctx, o.channel, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// flush passes on what is held back.
func (o *sessionOutput) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended {
		_ = o.pass(o.mask.End()) // nobody is left who would take it
	}
}

// end passes on what is held back, the last time.
func (o *sessionOutput) end() {
	o.flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	if o.timer != nil {
		o.timer.Stop()
	}
}
