package daemon

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// stop ends the child: SIGTERM, then SIGKILL after stopTimeout. It returns once the child is reaped.
func stop(cmd *exec.Cmd, exited <-chan error) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return exitError(<-exited)
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case err := <-exited:
		return exitError(err)
	case <-timer.C:
	}
	if err := cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	return exitError(<-exited)
}

// exitError makes a sentence of what Wait returned; a child that ended by itself without an error is one too.
func exitError(err error) error {
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return errors.New("it exited with status 0")
	}
	return err
}

func joinStop(err, stopped error) error { return fmt.Errorf("%w (then: %w)", err, stopped) }

// sleep waits for d and reports whether it did so to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
