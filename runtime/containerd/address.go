package containerd

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"csph/host"
	"csph/platform"
)

// addresses gives out the addresses of the projects' networks. A network exists while one of its addresses
// is in use. Addresses are given out in a circle, so that one is used again as late as possible: a
// connection that somebody still holds to a spherelet that is gone must not reach another.
type addresses struct {
	inst *host.Instance

	mu       sync.Mutex // held while networks are made and removed
	projects map[string]*pool
}

type pool struct {
	net  host.Network
	used map[netip.Addr]bool
	last netip.Addr // the one given out last
}

func newAddresses(inst *host.Instance) *addresses {
	return &addresses{inst: inst, projects: map[string]*pool{}}
}

// take gives out a free address of a project's network, which is made if need be.
func (a *addresses) take(project string) (host.Network, netip.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, err := a.join(project)
	if err != nil {
		return host.Network{}, netip.Addr{}, err
	}
	addr, ok := p.free()
	if !ok {
		return host.Network{}, netip.Addr{}, fmt.Errorf("%w: the network of project %s has no free address; its %d spherelets are the most it can have", platform.ErrCapacity, project, len(p.used))
	}
	p.used[addr], p.last = true, addr
	return p.net, addr, nil
}

// claim takes an address that a spherelet has already.
func (a *addresses) claim(project string, addr netip.Addr) (host.Network, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, err := a.join(project)
	if err != nil {
		return host.Network{}, err
	}
	if !p.net.Prefix.Contains(addr) || p.used[addr] {
		return host.Network{}, fmt.Errorf("claim address %s: it is not a free one of the network %s", addr, p.net.Prefix)
	}
	p.used[addr] = true
	return p.net, nil
}

func (a *addresses) join(project string) (*pool, error) {
	if p, ok := a.projects[project]; ok {
		return p, nil
	}
	n, err := a.inst.JoinNetwork(project)
	if err != nil {
		return nil, err
	}
	p := &pool{net: n, used: map[netip.Addr]bool{}, last: n.Gateway}
	a.projects[project] = p
	return p, nil
}

// release gives an address back, and the network with the last one.
func (a *addresses) release(project string, addr netip.Addr) error {
	err := a.inst.Detach(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.projects[project]
	if !ok {
		return err
	}
	delete(p.used, addr)
	if len(p.used) > 0 {
		return err
	}
	delete(a.projects, project)
	return errors.Join(err, a.inst.LeaveNetwork(project))
}

// free is the first free address after the one given out last. The network's own, its broadcast address and
// the gateway are never free.
func (p *pool) free() (netip.Addr, bool) {
	first := p.net.Gateway.Next()
	addr := p.last
	for range 1 << (32 - p.net.Prefix.Bits()) {
		addr = addr.Next()
		if !p.net.Prefix.Contains(addr.Next()) {
			addr = first
		}
		if !p.used[addr] {
			return addr, true
		}
	}
	return netip.Addr{}, false
}
