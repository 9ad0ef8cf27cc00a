package containerd

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"

	"csph/platform"
)

// killTimeout is how long a process may take to end that was killed: it may hang in the kernel.
const killTimeout = 30 * time.Second

// Restart ends the process of a spherelet (SIGTERM, SIGKILL after grace), which is then started again as after any
// other end. It blocks until the process has ended. ErrNotFound when the spherelet does not run.
func (e *Engine) Restart(ctx context.Context, spherelet string, grace time.Duration) error {
	task, err := e.runningTask(ctx, spherelet)
	if errdefs.IsNotFound(err) {
		return fmt.Errorf("%w: spherelet %s does not run", platform.ErrNotFound, spherelet)
	}
	if err != nil {
		return fmt.Errorf("restart %s: %w", spherelet, err)
	}
	exited, err := task.Wait(ctx)
	if err != nil {
		return fmt.Errorf("restart %s: %w", spherelet, err)
	}
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, killTimeout}} {
		err := task.Kill(ctx, step.signal)
		if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsFailedPrecondition(err) {
			return fmt.Errorf("end the process of %s: %w", spherelet, err)
		}
		if within(ctx, exited, step.wait) {
			return nil
		}
	}
	return fmt.Errorf("end the process of %s: it survives SIGKILL", spherelet)
}

// within reports whether a process ends in time.
func within(ctx context.Context, exited <-chan client.ExitStatus, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-exited:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (e *Engine) runningTask(ctx context.Context, spherelet string) (client.Task, error) {
	c, err := e.ctrd.LoadContainer(ctx, spherelet)
	if err != nil {
		return nil, err
	}
	return c.Task(ctx, nil)
}
