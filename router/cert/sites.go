package cert

import (
	"crypto/tls"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// site is what is served for one domain.
type site struct {
	cert     *tls.Certificate // nil while there is none
	internal bool             // certificates come from the server's own authority
	secure   bool             // plain HTTP is redirected
	hsts     string           // value of Strict-Transport-Security; empty for none
}

// names finds sites; it never changes.
type names struct {
	exact map[string]*site
	wild  map[string]*site // by the name below "*."
}

// sites are the sites that are served now. Readers never lock.
type sites struct {
	now atomic.Pointer[names]
	mu  sync.Mutex // of changes
}

func newSites() *sites {
	s := &sites{}
	s.now.Store(&names{exact: map[string]*site{}, wild: map[string]*site{}})
	return s
}

// put makes site the one of a name, nil for none, in one step with others.
func (s *sites) put(changes map[string]*site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swap(changes)
}

// swap is put with s.mu held.
func (s *sites) swap(changes map[string]*site) {
	old := s.now.Load()
	next := &names{exact: maps.Clone(old.exact), wild: maps.Clone(old.wild)}
	for name, x := range changes {
		of, name := next.exact, name
		if below, ok := strings.CutPrefix(name, "*."); ok {
			of, name = next.wild, below
		}
		if x == nil {
			delete(of, name)
		} else {
			of[name] = x
		}
	}
	s.now.Store(next)
}

// staple gives a domain's certificate an OCSP answer, nil for none, unless it has another certificate by now.
func (s *sites) staple(domain string, to *tls.Certificate, answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.get(domain)
	if now == nil || now.cert != to {
		return
	}
	stapled, next := *to, *now
	stapled.OCSPStaple, next.cert = answer, &stapled
	s.swap(map[string]*site{domain: &next})
}

// get returns the site of exactly this domain, nil when there is none.
func (s *sites) get(domain string) *site {
	now := s.now.Load()
	if below, ok := strings.CutPrefix(domain, "*."); ok {
		return now.wild[below]
	}
	return now.exact[domain]
}

// forHandshake returns the site whose certificate a host name in lower case gets: its own, else that of
// the wildcard one label above (RFC 6125 section 6.4.3); nil when neither has any.
func (s *sites) forHandshake(host string) *site {
	now := s.now.Load()
	if x := now.exact[host]; x != nil && (x.cert != nil || x.internal) {
		return x
	}
	if _, above, ok := strings.Cut(host, "."); ok {
		if x := now.wild[above]; x != nil && (x.cert != nil || x.internal) {
			return x
		}
	}
	return nil
}

// policy returns the site that says how a host name in lower case is served. It does not allocate.
func (s *sites) policy(host []byte) *site {
	now := s.now.Load()
	if x := now.exact[string(host)]; x != nil {
		return x
	}
	if len(now.wild) == 0 {
		return nil
	}
	for i, c := range host {
		if c == '.' {
			return now.wild[string(host[i+1:])]
		}
	}
	return nil
}

// hstsValue is the field value for a max-age in seconds.
func hstsValue(seconds int64) string {
	if seconds <= 0 {
		return ""
	}
	return "max-age=" + strconv.FormatInt(seconds, 10)
}
