package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/logs"
	"csph/platform"
)

// Command is what runs in a spherelet.
type Command struct {
	Args  []string
	In    io.Reader
	Out   io.Writer
	Errs  io.Writer                // not used with a terminal
	TTY   bool                     // give it a terminal
	Term  string                   // its kind, for the variable TERM
	Size  wire.TerminalSize        // of the terminal
	Sizes <-chan wire.TerminalSize // as it changes; may be nil
}

type execute struct {
	ServicePath
	Body wire.NewCommand
}

type runOnce struct {
	ServicePath
	Body wire.NewRun
}

func (s *Server) commandOperations(api huma.API) {
	op := func(id, path, summary string) operation {
		return operation{
			id: id, method: http.MethodPost, path: "/v1/services/{service}" + path, tag: "commands", summary: summary,
			stream: streamResponse[wire.CommandOutput](api, wire.MessageOutput),
		}
	}
	add(s, api, op("exec", "/exec", "Run a command in a spherelet that runs; its output is streamed, then an event exit with its exit status. Closing the connection kills it"), s.exec)
	add(s, api, operation{
		id: "open-session", method: http.MethodGet, path: "/v1/services/{service}/session", tag: "commands", need: platform.MayChange, changes: true, status: http.StatusSwitchingProtocols,
		summary: "Run a command in a spherelet that runs, or with once in one of its own, by WebSocket: with a terminal if wanted, and its input as it comes. Messages are binary, their first byte a channel (docs/api.md). Closing the connection kills it",
	}, s.openSession)
	add(s, api, op("run-once", "/runs", "Run a command to its end in a spherelet of its own; its output is streamed, then an event exit with its exit status. Closing the connection kills it"), s.runOnce)
}

func (s *Server) exec(ctx context.Context, in *execute) (*huma.StreamResponse, error) {
	svc, err := s.live(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	spherelet, err := s.running(svc, in.Body.Spherelet)
	if err != nil {
		return nil, err
	}
	mask, err := s.maskOf(ctx, svc.ID)
	if err != nil {
		return nil, err
	}
	return s.command(mask, func(ctx context.Context, out, errs io.Writer) (int, error) {
		return s.Commands.Exec(ctx, spherelet, Command{Args: in.Body.Command, In: bytes.NewReader(in.Body.Stdin), Out: out, Errs: errs})
	}), nil
}

// running is the spherelet of what is live that a request means; "" for any.
func (s *Server) running(svc platform.Service, ref string) (string, error) {
	for _, one := range s.Runtime.Spherelets(svc.Live) {
		if one.State == platform.Running && (ref == "" || one.ID == ref) {
			return one.ID, nil
		}
	}
	if ref != "" {
		return "", fmt.Errorf("%w: service %s has no running spherelet %s", platform.ErrNotFound, svc.Name, ref)
	}
	return "", fmt.Errorf("%w: no spherelet of service %s runs now; csph run starts one of its own", platform.ErrConflict, svc.Name)
}

func (s *Server) runOnce(ctx context.Context, in *runOnce) (*huma.StreamResponse, error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	mask, err := s.maskOf(ctx, svc.ID)
	if err != nil {
		return nil, err
	}
	return s.command(mask, func(ctx context.Context, out, _ io.Writer) (int, error) {
		return s.Commands.RunOnce(ctx, svc.ID, in.Body.Command, out)
	}), nil
}

// command streams what run writes, without secrets, then its exit status. The command ends with the connection.
func (s *Server) command(mask *logs.Mask, run func(ctx context.Context, out, errs io.Writer) (int, error)) *huma.StreamResponse {
	return s.stream(func(ctx context.Context) iter.Seq2[message, error] {
		return func(yield func(message, error) bool) {
			ctx, cancel := context.WithCancel(ctx)
			pieces := make(chan wire.CommandOutput)
			var done sync.WaitGroup
			defer done.Wait()
			defer cancel()
			var exit int
			var err error
			done.Go(func() {
				defer close(pieces)
				out, errs := newPieces(ctx, "out", mask, pieces), newPieces(ctx, "err", mask, pieces)
				exit, err = run(ctx, out, errs)
				out.end()
				errs.end()
			})
			for p := range pieces {
				if !yield(message{event: wire.MessageOutput, data: p}, nil) {
					return
				}
			}
			if err != nil {
				yield(message{}, err)
				return
			}
			yield(message{event: wire.MessageExit, data: wire.CommandExit{Code: exit}}, nil)
		}
	})
}

// pieces passes on what is written to it, without secrets, for as long as somebody takes it.
type pieces struct {
	ctx    context.Context
	name   string
	mask   *logs.MaskedStream
	passOn chan<- wire.CommandOutput
}

func newPieces(ctx context.Context, name string, mask *logs.Mask, to chan<- wire.CommandOutput) *pieces {
	return &pieces{ctx: ctx, name: name, mask: mask.Stream(), passOn: to}
}

func (p *pieces) Write(b []byte) (int, error) {
	if err := p.pass(p.mask.Next(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// end passes on what was held back to see whether a secret begins with it.
func (p *pieces) end() { _ = p.pass(p.mask.End()) } // nobody is left who would take it

func (p *pieces) pass(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	select {
	case p.passOn <- wire.CommandOutput{Stream: p.name, Data: bytes.Clone(b)}:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}
