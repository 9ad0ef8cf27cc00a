package builder

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// gate lets builds run side by side, those of one service one after the other, and lets maintenance run
// when no build does.
type gate struct {
	mu       sync.Mutex
	running  int
	closed   bool // maintenance is on
	services map[string]bool
	idle     time.Time     // since when no build runs
	changed  chan struct{} // closed and replaced at every change
}

func newGate() *gate {
	return &gate{services: map[string]bool{}, changed: make(chan struct{}), idle: time.Now()}
}

// enter blocks until a build of service may run, or ctx ends.
func (g *gate) enter(ctx context.Context, service string) error {
	return g.await(ctx, "wait for the builder", func() bool {
		if g.closed || g.services[service] {
			return false
		}
		g.services[service] = true
		g.running++
		return true
	})
}

func (g *gate) leave(service string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.services, service)
	g.running--
	g.idle = time.Now()
	g.wake()
}

// shut blocks until no build has run for quiet, and then keeps builds out until open; or ctx ends.
func (g *gate) shut(ctx context.Context, quiet time.Duration) error {
	for {
		err := g.await(ctx, "wait for an idle builder", func() bool { return g.running == 0 && !g.closed })
		if err != nil {
			return err
		}
		g.mu.Lock()
		wait := quiet - time.Since(g.idle)
		if g.running == 0 && !g.closed && wait <= 0 {
			g.closed = true
			g.mu.Unlock()
			return nil
		}
		g.mu.Unlock()
		if !pause(ctx, max(wait, time.Millisecond)) {
			return fmt.Errorf("wait for an idle builder: %w", context.Cause(ctx))
		}
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
	g.wake()
}

// await blocks until try, called under the lock, reports true.
func (g *gate) await(ctx context.Context, what string, try func() bool) error {
	for {
		g.mu.Lock()
		if try() {
			g.mu.Unlock()
			return nil
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
	}
}

// wake tells everyone who waits to look again. The lock is held.
func (g *gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// pause waits for d and reports whether it did so to the end.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
