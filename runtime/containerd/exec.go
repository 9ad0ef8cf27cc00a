package containerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"go.jetify.com/typeid/v2"

	"csph/platform"
)

// Command is something to run inside a spherelet that runs.
type Command struct {
	Args   []string
	Env    []string  // NAME=VALUE, added to the spherelet's own
	Stdin  io.Reader // nil: none
	Stdout io.Writer // nil: discarded
	Stderr io.Writer // nil: discarded; not used with TTY
	// TTY gives it a terminal of Size (zero: none is said), which then follows Resize.
	TTY    bool
	Size   Size
	Resize <-chan Size // may be nil
}

// Size is that of a terminal, in characters.
type Size struct{ Width, Height uint32 }

// Exec runs a command in a spherelet, as its user, in its folder, with its environment and limits, and returns
// its exit code. When ctx ends first the command is killed. ErrNotFound when the spherelet does not run.
func (e *Engine) Exec(ctx context.Context, spherelet string, cmd Command) (exit int, err error) {
	if len(cmd.Args) == 0 {
		return -1, fmt.Errorf("%w: no command given", platform.ErrInvalid)
	}
	inputEnd := cmd.tellEnd()
	p, err := e.newProcess(ctx, spherelet, cmd)
	if errdefs.IsNotFound(err) {
		return -1, fmt.Errorf("%w: spherelet %s does not run", platform.ErrNotFound, spherelet)
	}
	if err != nil {
		return -1, fmt.Errorf("run %q in %s: %w", cmd.Args, spherelet, err)
	}
	defer func() {
		ctx, cancel := cleanup(ctx)
		defer cancel()
		if _, delErr := p.Delete(ctx, client.WithProcessKill); delErr != nil && !errdefs.IsNotFound(delErr) {
			err = errors.Join(err, fmt.Errorf("clean up after %q in %s: %w", cmd.Args, spherelet, delErr))
		}
	}()
	return attend(ctx, p, cmd, inputEnd)
}

// tellEnd has the returned channel closed when the command's input has come to its end; nil where it has none.
func (c *Command) tellEnd() <-chan struct{} {
	if c.Stdin == nil {
		return nil
	}
	end := make(chan struct{})
	c.Stdin = &input{Reader: c.Stdin, end: end}
	return end
}

// terminal gives a process the terminal that the command asks for.
func (c Command) terminal(p *specs.Process) {
	p.Terminal = c.TTY
	if c.TTY && c.Size != (Size{}) {
		p.ConsoleSize = &specs.Box{Width: uint(c.Size.Width), Height: uint(c.Size.Height)}
	}
}

// streams connects a process with what the command reads and writes.
func (e *Engine) streams(c Command) cio.Creator {
	opts := []cio.Opt{cio.WithStreams(c.Stdin, orDiscard(c.Stdout), orDiscard(c.Stderr)), cio.WithFIFODir(e.cfg.dir("fifo"))}
	if c.TTY {
		opts = append(opts, cio.WithTerminal)
	}
	return cio.NewCreator(opts...)
}

// input tells when the reader behind it has come to its end.
type input struct {
	io.Reader
	once sync.Once
	end  chan struct{}
}

func (i *input) Read(b []byte) (int, error) {
	n, err := i.Reader.Read(b)
	if err != nil {
		i.once.Do(func() { close(i.end) })
	}
	return n, err
}

// newProcess prepares cmd; it does not start it.
func (e *Engine) newProcess(ctx context.Context, spherelet string, cmd Command) (client.Process, error) {
	c, err := e.ctrd.LoadContainer(ctx, spherelet)
	if err != nil {
		return nil, err
	}
	spec, err := c.Spec(ctx)
	if err != nil {
		return nil, err
	}
	task, err := c.Task(ctx, nil)
	if err != nil {
		return nil, err
	}
	id, err := typeid.Generate("exec")
	if err != nil {
		return nil, err
	}
	process := *spec.Process
	process.Args = cmd.Args
	process.Env = slices.Concat(process.Env, cmd.Env)
	cmd.terminal(&process)
	return task.Exec(ctx, id.String(), &process, e.streams(cmd))
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// attend starts p and returns when it has ended and its output has been passed on.
func attend(ctx context.Context, p client.Process, cmd Command, inputEnd <-chan struct{}) (int, error) {
	exited, err := p.Wait(ctx)
	if err != nil {
		return -1, fmt.Errorf("wait for %q: %w", cmd.Args, err)
	}
	begin, cancel := cleanup(ctx) // a start is not cut short: it would be finished unseen
	err = p.Start(begin)
	cancel()
	if err != nil {
		return -1, fmt.Errorf("%w: %s", platform.ErrInvalid, explain(err))
	}
	return follow(ctx, p, exited, cmd, inputEnd)
}

// follow returns when p, which runs, has ended and its output has been passed on, or ctx ends: killing it is the caller's part.
func follow(ctx context.Context, p client.Process, exited <-chan client.ExitStatus, cmd Command, inputEnd <-chan struct{}) (int, error) {
	for {
		select {
		case <-inputEnd:
			inputEnd = nil
			if err := p.CloseIO(ctx, client.WithStdinCloser); err != nil && !errdefs.IsNotFound(err) {
				return -1, fmt.Errorf("end the input of %q: %w", cmd.Args, err)
			}
		case size := <-cmd.Resize:
			_ = p.Resize(ctx, size.Width, size.Height) // fails only when the command has just ended
		case status := <-exited:
			if status.Error() == nil {
				p.IO().Wait()
				return int(status.ExitCode()), nil
			}
			if ctx.Err() == nil && !errdefs.IsDeadlineExceeded(errgrpc.ToNative(status.Error())) {
				return -1, fmt.Errorf("wait for %q: %w", cmd.Args, status.Error())
			}
			exited = nil // it is the context's end that this tells; containerd may know of a deadline a moment earlier
		case <-ctx.Done():
			return -1, fmt.Errorf("run %q: %w", cmd.Args, context.Cause(ctx))
		}
	}
}
