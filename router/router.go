package router

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"csph/platform"
)

// Router serves requests by its table. All methods may be called at any time from any goroutine.
type Router struct {
	log     *slog.Logger
	limits  Limits
	trusted []netip.Prefix

	proxyFrom []netip.Prefix
	stickyKey []byte
	access    *accessLog
	front     Front
	dialer    *net.Dialer
	storage   *storage
	pipes     *pipes
	watch     *watch
	table     atomic.Pointer[table]

	mu      sync.Mutex // of changes to the table, options, retired and counts
	options map[string]Options
	retired map[netip.AddrPort][]*target
	counts  map[string]*counters

	multiplex    *multiplexer
	laneSessions sync.Pool
	ports        []*quicPort            // of HTTP/3; of mu
	altSvc       atomic.Pointer[[]byte] // header line that tells of HTTP/3, empty when there is none

	handshakes handshakes
	clients    clients
	retirement retirement
	streams    sync.WaitGroup // drains of streams
	life       context.Context
	stop       context.CancelFunc // ends life: Shutdown
}

// New returns a Router with an empty table; Shutdown must be called to free what it holds.
func New(c Config) *Router {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Router{
		log: c.Logger, limits: c.Limits.withDefaults(), trusted: slices.Clone(c.Trusted), front: c.Front,
		dialer: newDialer(), storage: newStorage(), pipes: newPipes(), watch: newWatch(),
		retired: map[netip.AddrPort][]*target{}, counts: map[string]*counters{}, options: map[string]Options{},
		proxyFrom: slices.Clone(c.ProxyFrom), stickyKey: bytes.Clone(c.StickyKey),
	}
	if r.stickyKey == nil {
		r.stickyKey = []byte(rand.Text())
	}
	r.life, r.stop = context.WithCancel(context.Background())
	if c.AccessLog != nil {
		r.access = newAccessLog(c.AccessLog, c.AccessLogEvery, accessDelay)
	}
	r.announceHTTP3(nil)
	r.multiplex = newMultiplexer(r.log, r.limits)
	r.laneSessions.New = func() any { return &session{r: r} }
	r.clients.init(r.limits)
	r.table.Store(&table{})
	return r
}

// Swap makes targets the ones that serve hosts for service, from the moment it returns, and returns
// the targets that no longer get new requests. Targets that stay keep their connections. No targets:
// the service answers 503. It does not block. The error is ErrInvalid for a bad host or target,
// ErrConflict for a host of another service; the table is then as before.
func (r *Router) Swap(ctx context.Context, service string, hosts []string, targets []netip.AddrPort) ([]netip.AddrPort, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names, err := normalHosts(hosts)
	if err != nil {
		return nil, fmt.Errorf("swap %s: %w", service, err)
	}
	replaced, err := r.publish(service, names, targets)
	if err != nil {
		return nil, fmt.Errorf("swap %s: %w", service, err)
	}
	return retire(replaced), nil
}

// publish puts the next table in place and returns the targets that it replaces.
func (r *Router) publish(service string, hosts []string, addrs []netip.AddrPort) ([]*target, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.table.Load()
	old := now.route(service)
	targets, err := r.targetsFor(old, addrs)
	if err != nil {
		return nil, err
	}
	table, err := now.with(&route{service: service, hosts: hosts, targets: targets, counts: r.countersOf(service), options: r.options[service]})
	if err != nil {
		return nil, err
	}
	r.table.Store(table)
	return r.replaced(old, table), nil
}

// Remove takes the service out of the table; its hosts answer 404 from then on. It returns the
// targets that no longer get new requests. Removing what is not there is no error.
func (r *Router) Remove(_ context.Context, service string) []netip.AddrPort {
	return retire(r.unpublish(service))
}

func (r *Router) unpublish(service string) []*target {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.table.Load()
	old := now.route(service)
	if old == nil {
		return nil
	}
	next := now.without(service)
	r.table.Store(next)
	delete(r.counts, service)
	delete(r.options, service)
	return r.replaced(old, next)
}

// Install replaces the whole table, as at boot, before there are listeners. Version is taken over.
// The errors are those of Swap.
func (r *Router) Install(t Table) error {
	replaced, err := r.install(t)
	if err != nil {
		return fmt.Errorf("install routes: %w", err)
	}
	retire(replaced)
	return nil
}

func (r *Router) install(t Table) ([]*target, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.table.Load()
	routes := make([]*route, 0, len(t.Routes))
	for _, x := range t.Routes {
		names, err := normalHosts(x.Hosts)
		if err != nil {
			return nil, err
		}
		targets, err := r.targetsFor(now.route(x.Service), x.Targets)
		if err != nil {
			return nil, err
		}
		routes = append(routes, &route{service: x.Service, hosts: names, targets: targets, counts: r.countersOf(x.Service), options: r.options[x.Service]})
	}
	next, err := newTable(t.Version, routes)
	if err != nil {
		return nil, err
	}
	r.table.Store(next)
	var replaced []*target
	for _, old := range now.routes {
		replaced = append(replaced, r.replaced(old, next)...)
	}
	return replaced, nil
}

// Table returns what is served now.
func (r *Router) Table() Table {
	now := r.table.Load()
	t := Table{Version: now.version, Routes: make([]Route, 0, len(now.routes))}
	for _, x := range now.routes {
		t.Routes = append(t.Routes, Route{Service: x.service, Hosts: slices.Clone(x.hosts), Targets: x.addresses()})
	}
	return t
}

func (x *route) addresses() []netip.AddrPort {
	list := make([]netip.AddrPort, 0, len(x.targets))
	for _, t := range x.targets {
		list = append(list, t.addr)
	}
	return list
}

// targetsFor returns targets for the addresses, those of old where it has them. r.mu is held.
func (r *Router) targetsFor(old *route, addrs []netip.AddrPort) ([]*target, error) {
	list := make([]*target, 0, len(addrs))
	for _, a := range addrs {
		if !a.IsValid() || a.Port() == 0 {
			return nil, fmt.Errorf("%w: target %s is not an address and port", platform.ErrInvalid, a)
		}
		if slices.ContainsFunc(list, func(t *target) bool { return t.addr == a }) {
			continue
		}
		list = append(list, r.targetFor(old, a))
	}
	return list, nil
}

func (r *Router) targetFor(old *route, addr netip.AddrPort) *target {
	if old != nil {
		for _, t := range old.targets {
			if t.addr == addr {
				return t
			}
		}
	}
	t := newTarget(addr, r.forget)
	t.sticky = r.stickyName(addr)
	return t
}

// replaced returns the targets of old that next does not have, and keeps them for Drain. r.mu is held.
func (r *Router) replaced(old *route, next *table) (list []*target) {
	if old == nil {
		return nil
	}
	now := next.route(old.service)
	for _, t := range old.targets {
		if now == nil || !slices.Contains(now.targets, t) {
			list = append(list, t)
			r.retired[t.addr] = append(r.retired[t.addr], t)
		}
	}
	return list
}

// retire ends the share of the targets in new requests, and returns their addresses.
func retire(list []*target) (addrs []netip.AddrPort) {
	for _, t := range list {
		t.retire()
		addrs = append(addrs, t.addr)
	}
	return addrs
}

// forget drops a retired target that is over.
func (r *Router) forget(t *target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := slices.DeleteFunc(r.retired[t.addr], func(x *target) bool { return x == t })
	if len(left) == 0 {
		delete(r.retired, t.addr)
		return
	}
	r.retired[t.addr] = left
}
