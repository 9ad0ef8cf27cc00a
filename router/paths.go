package router

import (
	"cmp"
	"fmt"
	"slices"

	"csph/platform"
	"csph/router/h1"
)

// part is a service that has some of a host's paths.
type part struct {
	prefix string // such as /api
	route  int
}

// covers reports whether a target lies in the part: it is the prefix, or goes on with a segment or a query.
func (p part) covers(target []byte) bool {
	n := len(p.prefix)
	return len(target) >= n && string(target[:n]) == p.prefix && (len(target) == n || target[n] == '/' || target[n] == '?')
}

// addPart gives a host's paths from prefix on to a route.
func (t *table) addPart(host, prefix string, route int) error {
	for _, p := range t.parts[host] {
		if p.prefix == prefix && p.route != route {
			return fmt.Errorf("%w: %s already belongs to service %s; remove it there first", platform.ErrConflict, host+prefix, t.routes[p.route].service)
		}
	}
	if t.parts == nil {
		t.parts = map[string][]part{}
	}
	list := append(t.parts[host], part{prefix, route})
	slices.SortFunc(list, func(a, b part) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	t.parts[host] = list
	return nil
}

// find returns the route of a request: that of the longest prefix of its target, else that of its host.
func (t *table) find(host, target []byte) *route {
	if len(t.parts) > 0 {
		for _, p := range t.parts[string(host)] {
			if p.covers(target) {
				return t.routes[p.route]
			}
		}
	}
	return t.lookup(host)
}

// normalPart brings a host with a prefix into the form of the table.
func normalPart(host, prefix string) (string, error) {
	normal := string(h1.AppendHost(nil, []byte(host)))
	if !h1.ValidName(host) || normal == "" {
		return "", fmt.Errorf("%w: %q is not a host name that can be shared by paths; write app.example.com%s", platform.ErrInvalid, host, prefix)
	}
	return normal + prefix, platform.CheckPrefix(prefix)
}
