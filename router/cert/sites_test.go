package cert

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"csph/platform"
)

func TestTheClosestSiteAnswersAHandshake(t *testing.T) {
	s := newSites()
	own, wild := &site{cert: &tls.Certificate{}}, &site{cert: &tls.Certificate{}}
	s.put(map[string]*site{"www.example.com": own, "*.example.com": wild, "none.example.com": {}})
	for host, want := range map[string]*site{
		"www.example.com": own, "any.example.com": wild, "none.example.com": wild,
		"example.com": nil, "a.b.example.com": nil, "com": nil, "": nil, ".example.com": wild,
	} {
		if got := s.forHandshake(host); got != want {
			t.Errorf("%q gets %p; want %p", host, got, want)
		}
	}
	s.put(map[string]*site{"www.example.com": nil, "*.example.com": nil})
	if s.forHandshake("www.example.com") != nil || s.get("*.example.com") != nil {
		t.Error("a site that was taken out is served")
	}
}

func TestPolicyNeitherAllocatesNorAnswersForOthers(t *testing.T) {
	k := &Keeper{sites: newSites()}
	k.sites.put(map[string]*site{"www.example.com": {secure: true, hsts: "max-age=60"}, "*.example.org": {secure: true}})
	for host, want := range map[string]bool{"www.example.com": true, "a.example.org": true, "example.org": false, "example.com": false, "": false} {
		if got, _ := k.Policy([]byte(host)); got != want {
			t.Errorf("%q is secure: %v", host, got)
		}
	}
	host := []byte("a.example.org")
	if n := testing.AllocsPerRun(100, func() { k.Policy(host) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestASiteIsSecureOnlyWhileItIsActiveWithACertificate(t *testing.T) {
	k := &Keeper{}
	c := &tls.Certificate{Leaf: &x509.Certificate{NotAfter: time.Now().Add(time.Hour)}}
	for _, status := range platform.DomainStatuses() {
		d := platform.Domain{Status: status, HSTS: 60}
		if s := k.siteOf(d, c); s.secure != (status == platform.DomainActive) || (s.hsts != "") != s.secure {
			t.Errorf("%s: %+v", status, s)
		}
		if s := k.siteOf(d, nil); s.secure {
			t.Errorf("%s without a certificate is secure", status)
		}
	}
	d := platform.Domain{Status: platform.DomainActive, Certificate: platform.DomainCertificate{Source: platform.FromInternal}}
	if !k.siteOf(d, nil).secure {
		t.Error("a private name is not secure")
	}
}

// many returns sites with n names of their own.
func many(n int) *sites {
	s, changes := newSites(), map[string]*site{}
	for i := range n {
		changes[fmt.Sprintf("host-%d.example.com", i)] = &site{cert: &tls.Certificate{}, secure: true}
	}
	s.put(changes)
	return s
}

func BenchmarkCertificateAmong(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			k := &Keeper{sites: many(n)}
			hello := &tls.ClientHelloInfo{ServerName: "host-0.example.com"}
			for b.Loop() {
				if c, err := k.GetCertificate(hello); c == nil || err != nil {
					b.Fatal(c, err)
				}
			}
		})
	}
}

func TestTenThousandNamesAreNotScanned(t *testing.T) {
	one, all := &Keeper{sites: many(1)}, &Keeper{sites: many(10_000)}
	hello := &tls.ClientHelloInfo{ServerName: "host-0.example.com"}
	perCall := func(k *Keeper) time.Duration {
		best := time.Hour
		for range 20 {
			began := time.Now()
			for range 2000 {
				if c, _ := k.GetCertificate(hello); c == nil {
					t.Fatal("no certificate")
				}
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	if a, b := perCall(one), perCall(all); b > 20*a {
		t.Errorf("2000 lookups take %s among one name and %s among 10,000", a, b)
	}
}
