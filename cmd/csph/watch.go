package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"csph/api/client"
	"csph/platform"
	"csph/transcript"
)

// cancelTimeout bounds how long the server may take to stop a build.
const cancelTimeout = 30 * time.Second

// await asks for a deployment and watches it. The error is nil only when it is live; without waiting,
// when it is queued.
func (a *app) await(ctx context.Context, c *client.Client, wait waitFlags, ask func(context.Context) (platform.Deployment, error)) error {
	signals, stop := interrupts()
	defer stop()
	d, err := submitted(ctx, signals, ask)
	if err != nil {
		return err
	}
	if wait.none {
		return a.show(deploymentView{Deployment: d, Reason: d.Reason}, func() error {
			return a.printf("%s is %s. Watch it with: csph deployments watch %s\n", d.ID, d.Status, d.ID)
		})
	}
	w := &watching{app: a, client: c, id: d.ID, owned: true, progress: wait.progress, signals: signals}
	return w.run(ctx, wait.timeout)
}

// interrupts receives ctrl-C from now on, until stop is called.
func interrupts() (signals chan os.Signal, stop func()) {
	signals = make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return signals, func() { signal.Stop(signals) }
}

// submitted asks for a deployment. ctrl-C meanwhile ends the asking; where the server has taken the
// deployment on all the same, whoever watches it sees that ctrl-C.
func submitted(ctx context.Context, signals chan os.Signal, ask func(context.Context) (platform.Deployment, error)) (platform.Deployment, error) {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	stopped := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case s := <-signals:
			signals <- s
			abort()
		case <-stopped:
		}
	})
	d, err := ask(ctx)
	close(stopped)
	watcher.Wait()
	if err != nil && ctx.Err() != nil {
		err = errInterrupted
	}
	return d, err
}

// watching is one deployment being watched.
type watching struct {
	*app
	client   *client.Client
	id       string
	owned    bool // ctrl-C cancels the deployment, not only the watching
	progress progressFlag

	signals <-chan os.Signal
}

// run tells the deployment to the user until it has settled, and shows it as JSON when that is wanted.
func (w *watching) run(ctx context.Context, timeout time.Duration) error {
	var followers sync.WaitGroup
	defer followers.Wait()
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	done := make(chan error, 1)
	followers.Go(func() { done <- w.follow(ctx) })
	err := w.until(ctx, done)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%s has not settled within %s; it goes on without you. Watch it with: csph deployments watch %s", w.id, timeout, w.id)
	}
	return err
}

func (w *watching) follow(ctx context.Context) error {
	format := transcript.Format{Colour: w.terminal && !w.structured() && w.env("NO_COLOR") == ""}
	var err error
	if format.Screen, err = w.screens(ctx, w.progress); err != nil {
		return err
	}
	story := w.client.Story()
	if format.Screen != nil {
		story = w.client.DrawnStory()
	}
	var to io.Writer = w.out
	if w.structured() {
		to = w.err
	}
	return w.outcome(ctx, format.Follow(ctx, story, w.id, to))
}

// outcome turns the end of the transcript into that of the command.
func (w *watching) outcome(ctx context.Context, err error) error {
	var settled *transcript.SettledError
	if err != nil && !errors.As(err, &settled) {
		return err
	}
	if w.structured() {
		d, err := w.client.Deployment(ctx, w.id)
		if err != nil {
			return err
		}
		if err := w.printJSON(deploymentView{Deployment: d, Reason: d.Reason}); err != nil {
			return err
		}
	}
	if settled != nil {
		return errTold
	}
	return nil
}

// until waits for the end, and for ctrl-C: the first one cancels what can be cancelled, the second one
// ends the command at once.
func (w *watching) until(ctx context.Context, done <-chan error) error {
	interrupted := false
	cancelled := make(chan error, 1)
	for {
		select {
		case err := <-done:
			if interrupted && errors.Is(err, errTold) {
				return errors.Join(errInterrupted, errTold)
			}
			return err
		case <-w.signals:
			if interrupted || !w.owned {
				return errInterrupted
			}
			interrupted = true
			w.note("Cancelling %s. Press ctrl-C again to leave at once.", w.id)
			go func() { cancelled <- w.cancel(ctx) }()
		case err := <-cancelled:
			if err != nil {
				return errors.Join(errInterrupted, err)
			}
		}
	}
}

// cancel cancels the deployment; past its build it cannot be, and goes on by itself.
func (w *watching) cancel(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, cancelTimeout)
	defer stop()
	_, err := w.client.Cancel(ctx, w.id)
	if errors.Is(err, platform.ErrConflict) {
		return fmt.Errorf("%w. It goes on without you: csph deployments watch %s", err, w.id)
	}
	return err
}
