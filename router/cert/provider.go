package cert

import (
	"log/slog"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
)

// Provider changes the records of zones by a provider's API (libdns).
type Provider struct {
	Name  string   // shown to people
	Zones []string // domains it is for, with all below them; empty: any
	certmagic.DNSProvider
	// Propagation bounds the wait for a change to be seen; 0 means 2 minutes.
	Propagation time.Duration
}

// covers reports how many labels of name the provider's closest zone has; -1 when it is not for name.
func (p *Provider) covers(name string) int {
	best := -1
	if len(p.Zones) == 0 {
		best = 0
	}
	for _, z := range p.Zones {
		z = strings.ToLower(strings.Trim(z, "."))
		if name == z || strings.HasSuffix(name, "."+z) {
			best = max(best, 1+strings.Count(z, "."))
		}
	}
	return best
}

func (p *Provider) solver(resolvers []string, log *slog.Logger) acmez.Solver {
	logger, _ := newWire(log)
	return &certmagic.DNS01Solver{DNSManager: certmagic.DNSManager{
		DNSProvider: p.DNSProvider, TTL: time.Minute, PropagationTimeout: p.Propagation, Resolvers: resolvers, Logger: logger,
	}}
}

// providerFor is the provider whose zone is closest to name, nil when none is for it.
func (k *Keeper) providerFor(name string) *Provider {
	var found *Provider
	best := -1
	for i := range k.Providers {
		p := &k.Providers[i]
		if n := p.covers(strings.TrimPrefix(name, "*.")); n > best {
			found, best = p, n
		}
	}
	return found
}

// authoritiesFor are those that are asked for name: wildcards need DNS-01 (RFC 8555 section 7.1.3).
func (k *Keeper) authoritiesFor(name string) []*authority {
	if isWildcard(name) {
		return k.dns[k.providerFor(name)]
	}
	return k.authorities
}
