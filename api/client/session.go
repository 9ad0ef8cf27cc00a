package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/coder/websocket"

	"csph/api/wire"
)

// Streams are what a command in a session reads and writes.
type Streams struct {
	In    io.Reader // may be nil
	Out   io.Writer
	Errs  io.Writer
	Sizes <-chan wire.TerminalSize // of the terminal, as it changes; may be nil
}

// inputPiece is how much of what a command reads is sent at once.
const inputPiece = 32 << 10

// Session runs a command in a spherelet of a service, with its input as it comes, and returns its exit status. It blocks until
// the command has ended; when ctx ends first, the command is killed. A read of In that blocks goes on afterwards, and takes what comes next.
func (c *Client) Session(ctx context.Context, service string, n wire.NewSession, s Streams) (int, error) {
	return c.session(ctx, pathOf("/v1/services/{}/session", service), n, s)
}

// SessionOnce is Session in a spherelet of its own, which goes with the command.
func (c *Client) SessionOnce(ctx context.Context, service string, n wire.NewSession, s Streams) (int, error) {
	return c.session(ctx, pathOf("/v1/services/{}/session", service)+"?once=true", n, s)
}

func (c *Client) session(ctx context.Context, path string, n wire.NewSession, s Streams) (int, error) {
	header := http.Header{"User-Agent": {c.agent}}
	if c.token != "" {
		header.Set("Authorization", "Bearer "+c.token)
	}
	conn, answer, err := websocket.Dial(ctx, c.base+path, &websocket.DialOptions{HTTPClient: c.upgrading(), HTTPHeader: header})
	switch {
	case err != nil && answer != nil && answer.StatusCode >= http.StatusBadRequest:
		return -1, c.problem(answer)
	case err != nil:
		return -1, &UnreachableError{URL: c.base, Err: err}
	}
	defer conn.CloseNow() // does nothing after Close
	conn.SetReadLimit(wire.SessionMax)
	first, err := json.Marshal(n)
	if err != nil {
		return -1, fmt.Errorf("encode request: %w", err)
	}
	if err := conn.Write(ctx, websocket.MessageText, first); err != nil {
		return -1, fmt.Errorf("ask %s for the command: %w", c.base, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var sizes sync.WaitGroup
	defer sizes.Wait()
	defer cancel()
	sizes.Go(func() { sendSizes(ctx, conn, s.Sizes) })
	go sendInput(ctx, conn, s.In)
	return c.attend(ctx, conn, s)
}

// upgrading is a client whose connections can become WebSockets, which those of HTTP/2 cannot.
func (c *Client) upgrading() *http.Client {
	transport := c.http.Transport.(*http.Transport).Clone()
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	transport.ForceAttemptHTTP2, transport.TLSNextProto = false, nil
	return &http.Client{Transport: transport}
}

// attend passes on what the command writes until it ends.
func (c *Client) attend(ctx context.Context, conn *websocket.Conn, s Streams) (int, error) {
	for {
		_, m, err := conn.Read(ctx)
		if cause := context.Cause(ctx); err != nil && cause != nil {
			return -1, cause
		}
		if err != nil || len(m) == 0 {
			return -1, fmt.Errorf("the connection to %s broke; the command was killed: %w", c.base, errors.Join(err))
		}
		switch channel, content := m[0], m[1:]; channel {
		case wire.SessionOutput:
			_, err = s.Out.Write(content)
		case wire.SessionErrors:
			_, err = s.Errs.Write(content)
		case wire.SessionFailed:
			p := &wire.Problem{}
			if err = json.Unmarshal(content, p); err == nil {
				err = p
			}
		case wire.SessionExit:
			var exit wire.CommandExit
			if err := json.Unmarshal(content, &exit); err != nil {
				return -1, fmt.Errorf("decode the exit status: %w", err)
			}
			_ = conn.Close(websocket.StatusNormalClosure, "") // it has ended
			return exit.Code, nil
		}
		if err != nil {
			return -1, err
		}
	}
}

// sendInput passes on what in has, then its end. A connection that breaks is told by attend.
func sendInput(ctx context.Context, conn *websocket.Conn, in io.Reader) {
	piece := make([]byte, 1+inputPiece)
	piece[0] = wire.SessionInput
	for in != nil {
		n, err := in.Read(piece[1:])
		if n > 0 && conn.Write(ctx, websocket.MessageBinary, piece[:1+n]) != nil {
			return
		}
		if err != nil {
			break
		}
	}
	_ = conn.Write(ctx, websocket.MessageBinary, piece[:1]) // as above
}

func sendSizes(ctx context.Context, conn *websocket.Conn, sizes <-chan wire.TerminalSize) {
	for {
		select {
		case size := <-sizes:
			text, err := json.Marshal(size)
			if err != nil || conn.Write(ctx, websocket.MessageBinary, append([]byte{wire.SessionSize}, text...)) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
