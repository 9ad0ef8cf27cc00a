package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"csph/deploy"
)

// domainRoutes is the router as deploy wants it, in which the domains of a service lead to it besides the hosts
// that deploy names. Adding one needs no deployment.
type domainRoutes struct {
	deploy.Router

	mu      sync.Mutex // of the order of swaps; a swap has no wait in it but for a predecessor's answer, which is bounded
	domains map[string][]string
	routed  map[string]routed // by service, what deploy has swapped last
}

type routed struct {
	hosts   []string
	targets []netip.AddrPort
}

func newDomainRoutes(r deploy.Router) *domainRoutes {
	return &domainRoutes{Router: r, domains: map[string][]string{}, routed: map[string]routed{}}
}

// Swap is deploy's.
func (r *domainRoutes) Swap(ctx context.Context, service string, hosts []string, targets []netip.AddrPort) ([]netip.AddrPort, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	replaced, err := r.Router.Swap(ctx, service, slices.Concat(hosts, r.domains[service]), targets)
	if err == nil {
		r.routed[service] = routed{hosts, targets}
	}
	return replaced, err
}

// Remove is deploy's.
func (r *domainRoutes) Remove(ctx context.Context, service string) []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.routed, service)
	return r.Router.Remove(ctx, service)
}

// add has a domain lead to a service, at once where that has a route.
func (r *domainRoutes) add(ctx context.Context, service, domain string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.change(ctx, service, append(slices.Clone(r.domains[service]), domain))
}

// drop takes a domain away from a service, at once.
func (r *domainRoutes) drop(ctx context.Context, service, domain string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.change(ctx, service, slices.DeleteFunc(slices.Clone(r.domains[service]), func(x string) bool { return x == domain }))
}

// change swaps the route of a service, if there is one, to these domains. r.mu is held.
func (r *domainRoutes) change(ctx context.Context, service string, domains []string) error {
	if now, ok := r.routed[service]; ok {
		if _, err := r.Router.Swap(ctx, service, slices.Concat(now.hosts, domains), now.targets); err != nil {
			return fmt.Errorf("route the domains of %s: %w", service, err)
		}
	}
	r.domains[service] = domains
	return nil
}
