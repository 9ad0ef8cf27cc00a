package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"csph/platform"
)

// Why an attempt ends before its image is built.
var (
	errCanceled   = errors.New("canceled")
	errSuperseded = errors.New("superseded by a newer deployment")
)

// attempt is one deployment on its way to being settled.
type attempt struct {
	queued  platform.Deployment // as first recorded
	service platform.Service
	request Request

	ctx    context.Context // until the image is accepted: the client's and the server's; ends with the reason as its cause
	cancel context.CancelCauseFunc
	unlink func() bool // stops the client's context from cancelling

	mu     sync.Mutex
	sealed bool // past the build: nothing but the server's end stops it now

	log BuildLog // of the build and the release command; nil before and after

	unchanged bool // the image is the one that was live, since it would be made of the very same

	turn chan struct{} // closed when it is this attempt's turn in its service's line
	done chan struct{} // closed when it has settled, or the server stops
	last platform.Deployment
}

// set sends a recorded deployment on its way, as a goroutine of its own.
func (d *Deployer) set(client context.Context, dep platform.Deployment, svc platform.Service, r Request) *attempt {
	ctx, cancel := context.WithCancelCause(d.ctx)
	a := &attempt{
		queued: dep, last: dep, service: svc, request: r,
		ctx: ctx, cancel: cancel, sealed: dep.Image.Digest != "", turn: make(chan struct{}), done: make(chan struct{}),
	}
	a.unlink = context.AfterFunc(client, func() { a.giveUp(errCanceled) })
	d.mu.Lock()
	d.attempts[dep.ID] = a
	d.join(a)
	d.mu.Unlock()
	d.own(func() { d.carry(a) })
	return a
}

// giveUp ends the attempt for cause and reports true, unless it is past its build.
func (a *attempt) giveUp(cause error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sealed {
		return false
	}
	a.cancel(cause)
	return true
}

// seal puts the attempt out of reach of giveUp; it fails when that came first.
func (a *attempt) seal() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	a.sealed = true
	return nil
}

// endLog ends the log of the build, if there is one: whoever follows it has seen all of it.
func (a *attempt) endLog() {
	if a.log != nil {
		_ = a.log.Close() // what could not be written is gone, and the deployment goes on without it
		a.log = nil
	}
}

// await blocks until the attempt has settled. When ctx ends past the build, only the waiting ends.
func (d *Deployer) await(ctx context.Context, a *attempt) (platform.Deployment, error) {
	select {
	case <-a.done:
	case <-ctx.Done():
		if !a.giveUp(errCanceled) {
			return a.queued, fmt.Errorf("stopped waiting for %s, which goes on: %w", a.queued.ID, context.Cause(ctx))
		}
		<-a.done
	}
	return a.last, nil
}

// leave takes a settled attempt out of the books and lets the next in line go. A source that keeps
// something on disk gives it up.
func (d *Deployer) leave(a *attempt) {
	if c, ok := a.request.Source.(io.Closer); ok {
		if err := c.Close(); err != nil {
			d.Logger.Warn("source of a deployment cannot be removed", "deployment", a.queued.ID, "err", err)
		}
	}
	a.unlink()
	a.cancel(nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.attempts, a.queued.ID)
	d.step(a)
	close(a.done)
	d.tellSettled()
}
