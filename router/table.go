package router

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"csph/platform"
	"csph/router/h1"
)

// Table is which targets serve which hosts: what Install takes and Table returns.
type Table struct {
	Version uint64  `json:"version"`
	Routes  []Route `json:"routes"`
}

// Route is one service. A host is a name, or "*." and a name: any host below that name, however deep.
// The longest match wins. A name may be followed by the beginning of paths, "app.example.com/api": then the
// service has these of the host, and the longest prefix wins.
type Route struct {
	Service string           `json:"service"`
	Hosts   []string         `json:"hosts"`
	Targets []netip.AddrPort `json:"targets"`
}

// table is a Table as the connections read it; it never changes.
type table struct {
	version  uint64
	routes   []*route
	services map[string]int // index into routes
	hosts    map[string]int
	wild     map[string]int    // by the name below "*."
	parts    map[string][]part // by host, the longest prefix first
}

// route is one service in a table.
type route struct {
	service string
	hosts   []string
	targets []*target
	counts  *counters
	options Options
}

func newTable(version uint64, routes []*route) (*table, error) {
	t := &table{version: version, routes: routes, services: make(map[string]int, len(routes)), hosts: make(map[string]int, len(routes)), wild: map[string]int{}}
	for i, r := range routes {
		t.services[r.service] = i
		for _, h := range r.hosts {
			if host, prefix := platform.SplitDomain(h); prefix != "" {
				if err := t.addPart(host, prefix, i); err != nil {
					return nil, err
				}
				continue
			}
			names, name := t.hosts, h
			if rest, ok := strings.CutPrefix(h, "*."); ok {
				names, name = t.wild, rest
			}
			if other, taken := names[name]; taken && other != i {
				return nil, fmt.Errorf("%w: host %s already belongs to service %s; remove it there first", platform.ErrConflict, h, routes[other].service)
			}
			names[name] = i
		}
	}
	return t, nil
}

// with returns the next table, in which r takes the place of its service's route.
func (t *table) with(r *route) (*table, error) {
	i, ok := t.services[r.service]
	if !ok {
		return newTable(t.version+1, append(slices.Clip(t.routes), r))
	}
	routes := slices.Clone(t.routes)
	routes[i] = r
	if !slices.Equal(t.routes[i].hosts, r.hosts) {
		return newTable(t.version+1, routes)
	}
	next := *t
	next.version, next.routes = t.version+1, routes
	return &next, nil
}

// without returns the next table, in which service has no route.
func (t *table) without(service string) *table {
	routes := slices.DeleteFunc(slices.Clone(t.routes), func(r *route) bool { return r.service == service })
	next, err := newTable(t.version+1, routes)
	if err != nil {
		panic("router: a table without a route has a conflict that it did not have with it: " + err.Error())
	}
	return next
}

// lookup returns the route of a host in lower case without port and trailing dot; nil when there is none.
func (t *table) lookup(host []byte) *route {
	if i, ok := t.hosts[string(host)]; ok {
		return t.routes[i]
	}
	if len(t.wild) == 0 {
		return nil
	}
	for i, c := range host {
		if c != '.' {
			continue
		}
		if n, ok := t.wild[string(host[i+1:])]; ok {
			return t.routes[n]
		}
	}
	return nil
}

// route returns the route of a service, nil when there is none.
func (t *table) route(service string) *route {
	if i, ok := t.services[service]; ok {
		return t.routes[i]
	}
	return nil
}

// allTargets returns the targets of every route.
func (t *table) allTargets() []*target {
	var all []*target
	for _, r := range t.routes {
		all = append(all, r.targets...)
	}
	return all
}

// normalHosts brings hosts into the form of the table, sorted and without repeats.
func normalHosts(hosts []string) ([]string, error) {
	seen := map[string]bool{}
	for _, h := range hosts {
		if host, prefix := platform.SplitDomain(h); prefix != "" {
			normal, err := normalPart(host, prefix)
			if err != nil {
				return nil, err
			}
			seen[normal] = true
			continue
		}
		name, wild := strings.CutPrefix(h, "*.")
		normal := string(h1.AppendHost(nil, []byte(name)))
		if !h1.ValidName(name) || normal == "" {
			return nil, fmt.Errorf("%w: %q is not a host name; write app.example.com or *.example.com", platform.ErrInvalid, h)
		}
		if wild {
			normal = "*." + normal
		}
		seen[normal] = true
	}
	return slices.Sorted(maps.Keys(seen)), nil
}
