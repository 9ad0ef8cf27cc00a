package main

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"csph/handover"
	"csph/router"
)

// tandem is the router as deploy wants it, while the process before this one still serves old
// connections: that one follows every table, and a drain is over when both have drained.
type tandem struct {
	*router.Router
	front *front
	// options are what the router is told of a service beside its targets; nil: nothing.
	options func(ctx context.Context, service string) (router.Options, error)
}

// routeTimeout is how long the old process may take to answer: what it does has no wait in it.
const routeTimeout = 5 * time.Second

func (t tandem) Swap(ctx context.Context, service string, hosts []string, targets []netip.AddrPort) ([]netip.AddrPort, error) {
	if t.options != nil {
		o, err := t.options(ctx, service)
		if err != nil {
			return nil, err
		}
		t.Configure(service, o)
	}
	replaced, err := t.Router.Swap(ctx, service, hosts, targets)
	if err == nil {
		t.follow(ctx)
	}
	return replaced, err
}

func (t tandem) Remove(ctx context.Context, service string) []netip.AddrPort {
	replaced := t.Router.Remove(ctx, service)
	t.follow(ctx)
	return replaced
}

// follow has the old process serve by the present table, once that is complete. An old process that
// cannot has only old connections to lose.
func (t tandem) follow(ctx context.Context) {
	if t.front.before == nil || !t.front.leads.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, routeTimeout)
	defer cancel()
	if err := t.front.before.Route(ctx, t.Table()); err != nil && !errors.Is(err, handover.ErrGone) {
		t.front.logger.Warn("the old csphd does not follow the routes", "err", err)
	}
}

func (t tandem) Drain(ctx context.Context, targets []netip.AddrPort, deadline time.Duration) (int, error) {
	return t.both(func() (int, error) { return t.Router.Drain(ctx, targets, deadline) },
		func() (int, error) { return t.front.before.Drain(ctx, targets, deadline) })
}

func (t tandem) DrainStreams(ctx context.Context, targets []netip.AddrPort) (int, error) {
	return t.both(func() (int, error) { return t.Router.DrainStreams(ctx, targets) },
		func() (int, error) { return t.front.before.DrainStreams(ctx, targets) })
}

// both drains here and in the old process at the same time, and adds up what was cut.
func (t tandem) both(here, there func() (int, error)) (cut int, err error) {
	if t.front.before == nil {
		return here()
	}
	var old int
	var group errgroup.Group
	group.Go(func() (err error) {
		if old, err = there(); errors.Is(err, handover.ErrGone) {
			return nil
		}
		return err
	})
	cut, err = here()
	return cut + old, errors.Join(err, group.Wait())
}
