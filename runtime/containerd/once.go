package containerd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"go.jetify.com/typeid/v2"

	"csph/logs"
	"csph/platform"
)

// BuildLog is where the output of RunOnce goes. It must be safe for concurrent use.
type BuildLog interface {
	Step(text string)
	Line(text string)
	Close() error
}

// RunOnce runs command in the image of set, with its environment, shape and network, to its end, its output
// going to log line by line, and returns its exit code. When ctx ends first the command is killed. Nothing
// of it is left. A command killed for memory is a *platform.Failure with OutOfMemory, one that could not be
// started with StartFailed.
func (e *Engine) RunOnce(ctx context.Context, set platform.Set, command []string, log BuildLog) (exit int, err error) {
	set.Command = command
	return e.alone(ctx, job{set: set}, func(j *job) (int, error) { return j.runToEnd(ctx, log) })
}

// alone runs what draft describes in a container of its own, of which nothing is left afterwards.
func (e *Engine) alone(ctx context.Context, draft job, run func(*job) (int, error)) (exit int, err error) {
	id, err := typeid.Generate(platform.SphereletPrefix)
	if err != nil {
		return -1, fmt.Errorf("make an id: %w", err)
	}
	n, addr, err := e.addrs.take(draft.set.Project)
	if err != nil {
		return -1, err
	}
	j := &draft
	j.e, j.id, j.net, j.addr, j.single = e, id.String(), n, addr, true
	defer func() {
		ctx, cancel := cleanup(ctx)
		defer cancel()
		defer e.forgetOOM(j.id)
		err = errors.Join(err, j.remove(ctx, 0), e.addrs.release(j.set.Project, addr))
	}()
	return run(j)
}

func (j *job) runToEnd(ctx context.Context, log BuildLog) (int, error) {
	out, errs := newLineWriter(log), newLineWriter(log)
	task, err := j.start(ctx, cio.NewCreator(cio.WithStreams(nil, out, errs), cio.WithFIFODir(j.e.cfg.dir("fifo"))))
	if err != nil {
		return -1, notStarted(err)
	}
	exit, oom, err := j.awaitEnd(ctx, task)
	end, cancel := cleanup(ctx)
	defer cancel()
	err = errors.Join(err, discard(end, task), out.Close(), errs.Close())
	if oom {
		err = j.outOfMemory(err)
	}
	return exit, err
}

// notStarted is the failure of a command that is run once and was not started because of err.
func notStarted(err error) error {
	return &platform.Failure{
		Reason: platform.StartFailed, Message: explain(err),
		Hint: "Check the command and that the image contains it.", Err: err,
	}
}

// outOfMemory is the failure of a command that is run once and was killed for memory.
func (j *job) outOfMemory(err error) error {
	return &platform.Failure{
		Reason: platform.OutOfMemory, Message: fmt.Sprintf("the command needed more than the %d MB of %s", j.set.Shape.Memory>>20, j.set.Shape.Name), Err: err,
	}
}

// awaitEnd waits for the process to end and its output to be passed on.
func (j *job) awaitEnd(ctx context.Context, task client.Task) (exit int, oom bool, err error) {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		status, err := exitOf(ctx, task)
		if err == nil {
			exit = int(status.ExitCode())
			oom = j.wasOOM(ctx, exit)
			task.IO().Wait()
			return exit, oom, nil
		}
		if !pause(ctx, wait) {
			return -1, false, fmt.Errorf("run %q: %w", j.set.Command, context.Cause(ctx))
		}
	}
}

// lineWriter passes what is written to it on, line by line.
type lineWriter struct {
	pipe *io.PipeWriter
	done sync.WaitGroup
}

func newLineWriter(log BuildLog) *lineWriter {
	r, w := io.Pipe()
	l := &lineWriter{pipe: w}
	l.done.Go(func() {
		in := bufio.NewReaderSize(r, logs.MaxText)
		for {
			b, err := in.ReadSlice('\n')
			if len(b) > 0 {
				log.Line(string(trimNewline(b)))
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return
			}
		}
	})
	return l
}

func trimNewline(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		return b[:n-1]
	}
	return b
}

func (l *lineWriter) Write(b []byte) (int, error) { return l.pipe.Write(b) }

// Close ends the last line and returns once it has been passed on.
func (l *lineWriter) Close() error {
	err := l.pipe.Close()
	l.done.Wait()
	return err
}
