package dnscheck

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Verdict is what a check comes to.
type Verdict string

const (
	Right      Verdict = "right"      // the name leads here, and issuing is allowed
	Missing    Verdict = "missing"    // no address, or not on every name server yet
	Elsewhere  Verdict = "elsewhere"  // an address that is not this server's
	Forbidden  Verdict = "forbidden"  // CAA records exclude every authority that would be asked
	Unanswered Verdict = "unanswered" // the name servers fail or do not answer
)

// Expect is what a name should lead to.
type Expect struct {
	// Addresses are the server's public ones.
	Addresses []netip.Addr
	// Host is the name of the service under the apps domain; an address that it has is right too. May be empty.
	Host string
	// CAs are the names that CAA records know the authorities by; none skips the CAA check.
	CAs []string
}

// Finding is the result of a check, for a person to read.
type Finding struct {
	Verdict   Verdict
	Addresses []netip.Addr // of the name, sorted
	Proxy     string       // the CDN that the addresses belong to, when all do
	Message   string       // what was seen
	Hint      string       // what to do; empty when nothing is
}

// answers is what the DNS says of a name.
type answers struct {
	addresses []netip.Addr
	behind    []string     // name servers that do not have the name, while others do
	own       []netip.Addr // addresses that the service's own host has
}

// judge compares what the DNS says of name with what is expected. Proxies count as right: whom they ask
// cannot be seen from outside, and the authority's own validation finds out.
func judge(name string, a answers, e Expect) Finding {
	slices.SortFunc(a.addresses, netip.Addr.Compare)
	f := Finding{Verdict: Right, Addresses: a.addresses, Proxy: proxyOf(a.addresses)}
	right := slices.Concat(e.Addresses, a.own)
	strange := slices.DeleteFunc(slices.Clone(a.addresses), func(x netip.Addr) bool { return slices.Contains(right, x) })
	switch {
	case len(a.addresses) == 0:
		f.Verdict, f.Message = Missing, "there is no address for "+name+" yet"
		f.Hint = "Make the records that are listed; changes can take until the old records' TTL is over."
	case len(a.behind) > 0:
		f.Verdict, f.Message = Missing, fmt.Sprintf("%s is not on every name server of its zone yet; missing on %s", name, strings.Join(a.behind, ", "))
		f.Hint = "Wait until the zone has been transferred; csph looks again by itself."
	case f.Proxy != "":
		f.Message = name + " goes through " + f.Proxy
	case len(right) == 0:
		f.Verdict, f.Message = Elsewhere, fmt.Sprintf("%s leads to %s, and csph does not know the public addresses of this server", name, join(a.addresses))
		f.Hint = "Say them under domains.addresses in csphd's configuration."
	case len(strange) > 0:
		f.Verdict, f.Message = Elsewhere, fmt.Sprintf("%s leads to %s, which is not this server (%s)", name, join(strange), join(right))
		f.Hint = "Change or remove the record with that address; every address of the name must be this server's."
	default:
		f.Message = name + " leads here"
	}
	return f
}

func join(all []netip.Addr) string {
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}
