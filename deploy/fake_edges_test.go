package deploy_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"csph/platform"
)

// fakeProber passes everything while healthy; otherwise it waits for its context. Health checks pass while well.
type fakeProber struct {
	mu      sync.Mutex
	healthy bool
	ill     bool
}

func newFakeProber() *fakeProber { return &fakeProber{healthy: true} }

func (p *fakeProber) Ready(ctx context.Context, _ platform.Spherelet, _ *platform.Check) (string, error) {
	p.mu.Lock()
	healthy := p.healthy
	p.mu.Unlock()
	if healthy {
		return "", nil
	}
	<-ctx.Done()
	return "", fmt.Errorf("answered 500: %w", ctx.Err())
}

func (p *fakeProber) Try(context.Context, platform.Spherelet, platform.Check) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ill {
		return errBroken
	}
	return nil
}

func (p *fakeProber) fallIll(ill bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ill = ill
}

func (p *fakeProber) set(healthy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.healthy = healthy
}

// fakeRouter remembers the targets of each service, and what was drained.
type fakeRouter struct {
	mu      sync.Mutex
	fail    error
	targets map[string][]netip.AddrPort
	drained []netip.AddrPort
	hold    chan struct{}
}

func newFakeRouter() *fakeRouter { return &fakeRouter{targets: map[string][]netip.AddrPort{}} }

func (r *fakeRouter) Swap(_ context.Context, service string, _ []string, targets []netip.AddrPort) ([]netip.AddrPort, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return nil, r.fail
	}
	old := r.targets[service]
	r.targets[service] = slices.Clone(targets)
	return slices.DeleteFunc(slices.Clone(old), func(a netip.AddrPort) bool { return slices.Contains(targets, a) }), nil
}

func (r *fakeRouter) Remove(_ context.Context, service string) []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.targets[service]
	delete(r.targets, service)
	return old
}

func (r *fakeRouter) DrainStreams(context.Context, []netip.AddrPort) (int, error) { return 0, nil }

func (r *fakeRouter) Drain(ctx context.Context, targets []netip.AddrPort, _ time.Duration) (int, error) {
	r.mu.Lock()
	hold := r.hold
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drained = append(r.drained, targets...)
	return 0, nil
}

func (r *fakeRouter) of(service string) []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.targets[service])
}

func (r *fakeRouter) drainedTargets() []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.drained)
}

func (r *fakeRouter) set(f func(*fakeRouter)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}
