package gitd

import "fmt"

// unknownKey is what a client reads whose key is not known, beside ssh's own "Permission denied".
const unknownKey = "csph: the key %s is not known here; csph keys add FILE adds the public half of a key\n"

// advise tells a client, once, that a key of it is not known and what to do about that. It says nothing of a key that
// came before one that is known: clients offer all of their keys, one after the other.
func (v *guest) advise(fingerprint string) {
	if v.advised || v.banner == nil || v.gate.isSpare(fingerprint) {
		return
	}
	v.advised = true
	// The client that cannot be told is one that is gone.
	_ = v.banner(fmt.Sprintf(unknownKey, fingerprint))
}

// mostSpare is how many keys a gate remembers.
const mostSpare = 4096

// spare notes keys that are not known and whose owner has another one that is.
func (g *gate) spare(fingerprints []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.spares)+len(fingerprints) > mostSpare {
		clear(g.spares) // the price is a line too many for a while
	}
	for _, f := range fingerprints {
		g.spares[f] = struct{}{}
	}
}

func (g *gate) isSpare(fingerprint string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.spares[fingerprint]
	return ok
}
