package cert

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/caddyserver/certmagic"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"csph/platform"
)

// maxName is the longest host name (RFC 1035 section 2.3.4, without the final dot).
const maxName = 253

// NormalName brings the name of a domain, as a person writes it, into the form of platform.Domain.
// platform.ErrInvalid says what is wrong with it.
func NormalName(text string) (string, error) {
	given := strings.TrimSuffix(strings.TrimSpace(text), ".")
	below, wildcard := strings.CutPrefix(given, "*.")
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("%w: %q %s; write www.example.com or *.example.com", platform.ErrInvalid, text, why)
	}
	if _, err := netip.ParseAddr(below); err == nil {
		return bad("is an address and not a domain")
	}
	profile := strictNames()
	name, err := profile.ToASCII(below)
	if again, e := profile.ToASCII(name); err != nil || e != nil || name == "" || again != name || strings.HasSuffix(name, ".") {
		return bad("is no domain name")
	}
	if !strings.Contains(name, ".") && !wildcard && name != "localhost" {
		return bad("has one label only")
	}
	if strings.Contains(name, "*") {
		return bad("has its * in another place than the front")
	}
	if wildcard {
		name = "*." + name
	}
	if len(name) > maxName {
		return bad("is longer than 253 characters")
	}
	return name, nil
}

// strictNames is how names are read: as browsers do (UTS 46), and of labels and length that the DNS takes.
func strictNames() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.CheckHyphens(true))
}

// Private reports whether no public authority certifies name, so that the server's own has to.
func Private(name string) bool { return !certmagic.SubjectQualifiesForPublicCert(name) }

func isWildcard(name string) bool { return strings.HasPrefix(name, "*.") }

// isApex reports whether name is where a registrar delegates: it cannot have a CNAME beside its SOA (RFC 1034 section 3.6.2).
func isApex(name string) bool {
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	return err == nil && domain == name
}
