package dnscheck_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"csph/router/cert/dnscheck"
	"csph/router/cert/dnstest"
)

// here is the server that names should lead to.
var here = netip.MustParseAddr("192.0.2.10")

// internet is a resolver that knows the zone example.test, whose two name servers are asked for the rest.
type internet struct {
	resolver, first, second *dnstest.Server
	checker                 *dnscheck.Checker
}

func connect(t *testing.T) *internet {
	t.Helper()
	in := &internet{resolver: dnstest.Start(t, "127.0.0.1:0"), first: dnstest.Start(t, "127.0.0.2:0")}
	in.second = dnstest.Start(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), in.first.Addr.Port()).String())
	in.resolver.Add(t,
		"example.test. 60 IN NS ns1.host.test.", "example.test. 60 IN NS ns2.host.test.",
		"ns1.host.test. 60 IN A 127.0.0.2", "ns2.host.test. 60 IN A 127.0.0.3")
	in.checker = &dnscheck.Checker{Resolvers: []string{in.resolver.Addr.String()}, Port: in.first.Addr.Port()}
	return in
}

// everywhere adds records to both name servers.
func (in *internet) everywhere(t *testing.T, records ...string) {
	t.Helper()
	in.first.Add(t, records...)
	in.second.Add(t, records...)
}

func (in *internet) check(t *testing.T, name string, e dnscheck.Expect) dnscheck.Finding {
	t.Helper()
	f, err := in.checker.Check(t.Context(), name, e)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func wants(t *testing.T, f dnscheck.Finding, v dnscheck.Verdict, says string) {
	t.Helper()
	if f.Verdict != v || !strings.Contains(f.Message+" "+f.Hint, says) {
		t.Errorf("found %+v; want %s, saying %q", f, v, says)
	}
	if v != dnscheck.Right && f.Hint == "" {
		t.Errorf("%+v says nothing about what to do", f)
	}
}

func TestANameIsRightWhenAllItsAddressesAreTheServers(t *testing.T) {
	in := connect(t)
	e := dnscheck.Expect{Addresses: []netip.Addr{here, netip.MustParseAddr("2001:db8::10")}}
	wants(t, in.check(t, "www.example.test", e), dnscheck.Missing, "there is no address")
	in.everywhere(t, "www.example.test. 60 IN A 192.0.2.10", "www.example.test. 60 IN AAAA 2001:db8::10")
	wants(t, in.check(t, "www.example.test", e), dnscheck.Right, "leads here")
	in.everywhere(t, "www.example.test. 60 IN A 198.51.100.1")
	wants(t, in.check(t, "www.example.test", e), dnscheck.Elsewhere, "198.51.100.1, which is not this server")
}

func TestTheNameServersOfTheZoneCountAndNotWhatAResolverRemembers(t *testing.T) {
	in := connect(t)
	e := dnscheck.Expect{Addresses: []netip.Addr{here}}
	in.resolver.Add(t, "www.example.test. 60 IN A 192.0.2.10")
	in.everywhere(t, "www.example.test. 60 IN A 198.51.100.1")
	wants(t, in.check(t, "www.example.test", e), dnscheck.Elsewhere, "198.51.100.1")
}

func TestAServerThatDoesNotKnowItsAddressesSaysSo(t *testing.T) {
	in := connect(t)
	in.everywhere(t, "www.example.test. 60 IN A 192.0.2.10")
	wants(t, in.check(t, "www.example.test", dnscheck.Expect{}), dnscheck.Elsewhere, "domains.addresses")
}

func TestANameThatIsNotOnEveryNameServerYetIsMissing(t *testing.T) {
	in := connect(t)
	in.first.Add(t, "www.example.test. 60 IN A 192.0.2.10")
	in.second.Add(t, "other.example.test. 60 IN A 192.0.2.10")
	wants(t, in.check(t, "www.example.test", dnscheck.Expect{Addresses: []netip.Addr{here}}), dnscheck.Missing, "missing on ns2.host.test")
}

func TestCNAMEsAreFollowedIntoOtherZones(t *testing.T) {
	in := connect(t)
	in.everywhere(t, "www.example.test. 60 IN CNAME web.apps.test.", "loop.example.test. 60 IN CNAME loop.example.test.")
	in.resolver.Add(t, "web.apps.test. 60 IN A 203.0.113.7")
	wants(t, in.check(t, "www.example.test", dnscheck.Expect{Addresses: []netip.Addr{here}}), dnscheck.Elsewhere, "203.0.113.7")
	wants(t, in.check(t, "www.example.test", dnscheck.Expect{Host: "web.apps.test"}), dnscheck.Right, "leads here")
	wants(t, in.check(t, "loop.example.test", dnscheck.Expect{Addresses: []netip.Addr{here}}), dnscheck.Unanswered, "endless chain")
}

func TestAWildcardIsRightWhenAnyHostBelowLeadsHere(t *testing.T) {
	in := connect(t)
	e := dnscheck.Expect{Addresses: []netip.Addr{here}}
	wants(t, in.check(t, "*.example.test", e), dnscheck.Missing, "no address for *.example.test")
	in.everywhere(t, "*.example.test. 60 IN A 192.0.2.10")
	wants(t, in.check(t, "*.example.test", e), dnscheck.Right, "leads here")
}

func TestProxiedHostsAreRecognised(t *testing.T) {
	in := connect(t)
	e := dnscheck.Expect{Addresses: []netip.Addr{here}}
	in.everywhere(t, "cdn.example.test. 60 IN A 104.16.1.1", "cdn.example.test. 60 IN AAAA 2606:4700::1",
		"mixed.example.test. 60 IN A 104.16.1.1", "mixed.example.test. 60 IN A 198.51.100.1")
	f := in.check(t, "cdn.example.test", e)
	wants(t, f, dnscheck.Right, "goes through Cloudflare")
	if f.Proxy != "Cloudflare" {
		t.Errorf("proxy %q", f.Proxy)
	}
	wants(t, in.check(t, "mixed.example.test", e), dnscheck.Elsewhere, "198.51.100.1")
}

func TestCAARecordsDecideWhoMayIssue(t *testing.T) {
	for _, c := range []struct {
		name, host, records string
		verdict             dnscheck.Verdict
		says                string
	}{
		{"ours", "www.example.test", `www.example.test. 60 IN CAA 0 issue "ca.test; validationmethods=http-01"`, dnscheck.Right, ""},
		{"another's", "www.example.test", `www.example.test. 60 IN CAA 0 issue "other.test"`, dnscheck.Forbidden, "allow other.test only"},
		{"inherited", "www.example.test", `example.test. 60 IN CAA 0 issue "other.test"`, dnscheck.Forbidden, "records of example.test"},
		{"nobody", "www.example.test", `example.test. 60 IN CAA 0 issue ";"`, dnscheck.Forbidden, "allow nobody only"},
		{"no restriction", "www.example.test", `example.test. 60 IN CAA 0 iodef "mailto:a@b.test"`, dnscheck.Right, ""},
		{"critical", "www.example.test", `example.test. 60 IN CAA 128 future "x"`, dnscheck.Forbidden, "critical"},
		{"wildcards are others'", "*.example.test", "example.test. 60 IN CAA 0 issue \"ca.test\"\nexample.test. 60 IN CAA 0 issuewild \"other.test\"", dnscheck.Forbidden, "allow other.test only"},
		{"wildcards are others', hosts ours", "www.example.test", "example.test. 60 IN CAA 0 issue \"ca.test\"\nexample.test. 60 IN CAA 0 issuewild \"other.test\"", dnscheck.Right, ""},
		{"wildcards follow issue", "*.example.test", `example.test. 60 IN CAA 0 issue "ca.test"`, dnscheck.Right, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := connect(t)
			in.everywhere(t, "www.example.test. 60 IN A 192.0.2.10", "*.example.test. 60 IN A 192.0.2.10")
			in.resolver.Add(t, strings.Split(c.records, "\n")...)
			wants(t, in.check(t, c.host, dnscheck.Expect{Addresses: []netip.Addr{here}, CAs: []string{"ca.test"}}), c.verdict, c.says)
		})
	}
}

func TestNameServersThatFailAreAFindingAndACancelledCheckIsNot(t *testing.T) {
	in := connect(t)
	in.first.Fail("www.example.test", true)
	in.second.Fail("www.example.test", true)
	e := dnscheck.Expect{Addresses: []netip.Addr{here}, CAs: []string{"ca.test"}}
	wants(t, in.check(t, "www.example.test", e), dnscheck.Unanswered, "SERVFAIL")
	in.second.Fail("www.example.test", false)
	in.second.Add(t, "www.example.test. 60 IN A 192.0.2.10")
	wants(t, in.check(t, "www.example.test", e), dnscheck.Right, "leads here")
	in.resolver.Fail("www.example.test", true) // now the CAA lookup
	wants(t, in.check(t, "www.example.test", e), dnscheck.Unanswered, "SERVFAIL")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := in.checker.Check(ctx, "www.example.test", e); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled check: %v", err)
	}
}
