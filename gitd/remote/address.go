package remote

import (
	"fmt"
	"net/netip"
	"syscall"
)

// closed are the networks that nobody's repository is in, beside those that netip itself tells.
func closed() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),      // this host (RFC 1122)
		netip.MustParsePrefix("100.64.0.0/10"),  // behind a carrier's NAT (RFC 6598)
		netip.MustParsePrefix("192.0.0.0/24"),   // protocol assignments (RFC 6890)
		netip.MustParsePrefix("198.18.0.0/15"),  // benchmarks (RFC 2544)
		netip.MustParsePrefix("240.0.0.0/4"),    // reserved (RFC 1112)
		netip.MustParsePrefix("64:ff9b::/96"),   // IPv4 behind NAT64 (RFC 6052)
		netip.MustParsePrefix("64:ff9b:1::/48"), // the same, locally (RFC 8215)
		netip.MustParsePrefix("2001::/32"),      // IPv4 inside Teredo (RFC 4380)
		netip.MustParsePrefix("2002::/16"),      // IPv4 inside 6to4 (RFC 3056)
		netip.MustParsePrefix("fec0::/10"),      // site-local (RFC 3879)
	}
}

// AddressError says that a repository is where csph does not go.
type AddressError struct{ Addr netip.Addr }

func (e *AddressError) Error() string {
	return fmt.Sprintf("%s is an address of this machine or of a private network", e.Addr)
}

// guard decides which addresses may be reached.
type guard struct {
	allowed []netip.Prefix // although they are private
	closed  []netip.Prefix
}

func newGuard(allowed []netip.Prefix) *guard { return &guard{allowed: allowed, closed: closed()} }

// check returns an *AddressError for an address that may not be reached.
func (g *guard) check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	for _, p := range g.allowed {
		if p.Contains(addr) {
			return nil
		}
	}
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return &AddressError{addr}
	}
	for _, p := range g.closed {
		if p.Contains(addr) {
			return &AddressError{addr}
		}
	}
	return nil
}

// control is called for every connection once its address is known and before it is made (net.Dialer): a name
// that resolves to something else the second time gains nothing.
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address %q: %w", address, err)
	}
	return g.check(at.Addr())
}
