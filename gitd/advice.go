package gitd

import (
	"fmt"
	"net/netip"
)

// unknownKey is what a client reads whose key is not known, beside ssh's own "Permission denied".
const unknownKey = "csph: the key %s is not known here; csph keys add FILE adds the public half of a key\n"

// advise tells a client, once, that a key of it is not known and what to do about that. Where somebody has logged in
// from its address before it says nothing: clients offer all of their keys, one after the other, until one is known.
func (v *guest) advise(fingerprint string) {
	if v.advised || v.banner == nil || v.gate.isFamiliar(v.from) {
		return
	}
	v.advised = true
	// The client that cannot be told is one that is gone.
	_ = v.banner(fmt.Sprintf(unknownKey, fingerprint))
}

// mostFamiliar is how many addresses a gate remembers.
const mostFamiliar = 4096

// remember notes that somebody has logged in from an address.
func (g *gate) remember(from netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.familiar) >= mostFamiliar {
		clear(g.familiar) // the price is a line too many for a while
	}
	g.familiar[from] = struct{}{}
}

func (g *gate) isFamiliar(from netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.familiar[from]
	return ok
}
