package router

import (
	"net/netip"
	"sync"
)

// member is an open connection of a client.
type member interface {
	// origin returns whose connection it is, and whether it counts against what one address may hold.
	origin() (peer netip.Addr, counts bool)
	stopIdle() // ends the connection once it is unused
	cut()      // ends it now
}

// clients are the open connections of clients, and who holds how many.
type clients struct {
	mu     sync.Mutex
	limits Limits
	open   map[member]struct{}
	per    map[netip.Addr]int
	empty  chan struct{} // closed when the last one leaves after stop
	stop   bool
}

func (c *clients) init(l Limits) {
	c.limits = l
	c.open, c.per = map[member]struct{}{}, map[netip.Addr]int{}
	c.empty = make(chan struct{})
}

// join adds m; the page says why it may not.
func (c *clients) join(m member) (refused page, ok bool) {
	peer, counts := m.origin()
	key := clientKey(peer)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stop || len(c.open) >= c.limits.Connections:
		return page{503, "busy", "Too many connections", "The router serves as many connections as it may. Try again in a moment."}, false
	case counts && c.per[key] >= c.limits.ConnectionsPerClient:
		return page{429, "too_many_connections", "Too many connections", "Your address holds as many connections as one address may. Close some, or use them again."}, false
	}
	c.open[m] = struct{}{}
	c.per[key]++
	return page{}, true
}

func (c *clients) leave(m member) {
	peer, _ := m.origin()
	key := clientKey(peer)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, m)
	if c.per[key]--; c.per[key] == 0 {
		delete(c.per, key)
	}
	if c.stop && len(c.open) == 0 {
		close(c.empty)
	}
}

// close lets nobody join any more and returns those that are there.
func (c *clients) close() []member {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stop {
		c.stop = true
		if len(c.open) == 0 {
			close(c.empty)
		}
	}
	list := make([]member, 0, len(c.open))
	for m := range c.open {
		list = append(list, m)
	}
	return list
}

// clientKey is what connections are counted by: the address, of IPv6 the /64 that one client is given.
func clientKey(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

func (c *clients) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}
