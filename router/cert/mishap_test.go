package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"csph/platform"
	"csph/router/cert/budget"
	"csph/router/cert/dnscheck"
	"csph/router/cert/dnstest"
	"csph/router/cert/pebbletest"

	"github.com/libdns/rfc2136"
)

// limit is a proxy before an authority that answers new orders with 429 for a while.
type limit struct {
	after   string // value of Retry-After
	refuses atomic.Int64
	refused atomic.Int64
}

// through puts the proxy before the authority of the configuration.
func (l *limit) through(t *testing.T, c *Config) {
	target, err := url.Parse(c.Directories[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	target.Path = ""
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.Directories[0].Roots}}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasPrefix(q.URL.Path, "/order-plz") && l.refuses.Add(-1) >= 0 {
			l.refused.Add(1)
			w.Header().Set("Retry-After", l.after)
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many orders of the test","status":429}`))
			return
		}
		proxy.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	pool := c.Directories[0].Roots.Clone()
	pool.AddCert(server.Certificate())
	c.Directories[0].Roots = pool
	c.Directories[0].URL = server.URL + "/dir"
}

func TestTheTimeThatARateLimitedAuthorityNamesIsKept(t *testing.T) {
	l := &limit{after: "3"}
	l.refuses.Store(1)
	w := open(t, options{before: func(c *Config) { l.through(t, c) }})
	began := time.Now()
	d := w.add(w.name("www"))
	got := w.await(d.ID, platform.Validating, platform.RateLimited)
	if wait := got.State.NextTry.Sub(began); wait < 2*time.Second || wait > 5*time.Second {
		t.Errorf("it waits for %s; want the 3 s that the authority asked for", wait)
	}
	if !strings.Contains(got.State.Message, "too many orders of the test") {
		t.Errorf("message %q", got.State.Message)
	}
	w.restart()
	if _, _, err := w.Verify(t.Context(), d.ID); err != nil { // impatience does not shorten it
		t.Fatal(err)
	}
	if _, err := w.book.UpdateDomain(t.Context(), d.ID, func(d *platform.Domain) error { // nor does losing the wait
		d.State.NextTry = time.Time{}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.Wake()
	w.await(d.ID, platform.DomainActive, "")
	if took := time.Since(began); took < 2*time.Second || l.refused.Load() != 1 {
		t.Errorf("active after %s, refused %d times", took, l.refused.Load())
	}
}

func TestALimitedAuthorityIsPassedOverForTheNextOne(t *testing.T) {
	l := &limit{after: "3600"}
	l.refuses.Store(1000)
	w := open(t, options{before: func(c *Config) {
		direct := c.Directories[0]
		l.through(t, c)
		c.Directories = append(c.Directories, direct)
	}})
	w.await(w.add(w.name("www")).ID, platform.DomainActive, "")
	if l.refused.Load() != 1 {
		t.Errorf("the limited authority was asked %d times", l.refused.Load())
	}
}

func TestAnOrderThatTheBudgetHoldsBackIsNotMade(t *testing.T) {
	w := open(t, options{limits: budget.Limits{Registered: budget.Limit{Count: 1, Per: time.Hour}}})
	w.await(w.add(w.name("a")).ID, platform.DomainActive, "")
	d := w.add(w.name("b"))
	got := w.await(d.ID, platform.Validating, platform.RateLimited)
	if wait := time.Until(got.State.NextTry); wait < 58*time.Minute {
		t.Errorf("it waits for %s only", wait)
	}
	if _, err := w.handshake(w.name("b")); !isAlert(err) {
		t.Errorf("it is served: %v", err)
	}
}

func TestARenewalThatFailsIsToldWhileTheOldCertificateServes(t *testing.T) {
	w := open(t, options{ca: pebbletest.Config{Life: 12 * time.Second}})
	d := w.add(w.name("www"))
	w.await(d.ID, platform.DomainActive, "")
	before := w.served(w.name("www"))
	roots := w.ca.Roots()
	w.ca.Stop()
	got := w.await(d.ID, platform.DomainActive, platform.RenewalFailed)
	if !strings.Contains(got.State.Message, "lasts until") {
		t.Errorf("the state is %+v", got.State)
	}
	w.told(platform.EventRenewalFailed)
	if left := time.Until(before.NotAfter); left < time.Second {
		t.Errorf("it was told only %s before the end", left)
	}
	leaf, err := handshake(w.config.Ports.HTTPS, w.name("www"), roots)
	if err != nil || !leaf.Equal(before) {
		t.Errorf("the old certificate does not serve: %v", err)
	}
	w.ca.Restart() // with another root, and no account
	w.eventually(func() error { _, err := w.handshake(w.name("www")); return err })
}

func TestACertificateThatIsOverNeedsActionAndIsStillRenewed(t *testing.T) {
	w := open(t, options{ca: pebbletest.Config{Life: 5 * time.Second}})
	d := w.add(w.name("www"))
	w.await(d.ID, platform.DomainActive, "")
	w.ca.Stop()
	w.eventually(func() error {
		got, err := w.book.Domain(t.Context(), d.ID)
		if err == nil && got.Status != platform.DomainActive {
			return nil
		}
		return context.DeadlineExceeded
	})
	w.ca.Restart()
	w.eventually(func() error { _, err := w.handshake(w.name("www")); return err })
}

func TestAnAuthorityThatWantsARenewalGetsOne(t *testing.T) {
	w := open(t, options{})
	d := w.add(w.name("www"))
	w.await(d.ID, platform.DomainActive, "")
	before := w.served(w.name("www"))
	w.ca.RenewNow(before)
	w.restart() // it is asked again at the start
	w.eventually(func() error {
		if w.book.count(platform.EventDomainRenewed) != 1 {
			return context.DeadlineExceeded
		}
		return nil
	})
	if w.served(w.name("www")).Equal(before) {
		t.Error("the old certificate is still served")
	}
}

func TestAWildcardIsProvenByAChangeOfItsZone(t *testing.T) {
	server := dnstest.Start(t, "127.0.0.1:0")
	w := open(t, options{ca: pebbletest.Config{Resolver: server.Addr.String()}, before: func(c *Config) {
		c.DNS = &dnscheck.Checker{Resolvers: []string{server.Addr.String()}}
		c.Resolvers = []string{server.Addr.String()}
		c.Providers = []Provider{{Name: "the test's server", DNSProvider: &rfc2136.Provider{
			KeyName: server.Key, KeyAlg: dns.HmacSHA256, Key: server.Secret, Server: server.Addr.String(),
		}}}
	}})
	server.Add(t, w.zone+". 60 IN SOA ns. root. 1 60 60 60 60", "*."+w.zone+". 60 IN A 127.0.0.1")
	d := w.addOnly("*." + w.zone)
	w.await(d.ID, platform.DomainActive, "")
	w.served("any." + w.zone)
	if _, err := w.handshake("a.b." + w.zone); !isAlert(err) {
		t.Errorf("two labels below: %v", err)
	}
	if n := server.Count("_acme-challenge."+w.zone, dns.TypeTXT); server.Updates() < 2 || n != 0 {
		t.Errorf("%d updates, %d records are left", server.Updates(), n)
	}
}

func TestAWildcardWithoutAProviderSaysWhatIsMissing(t *testing.T) {
	w := open(t, options{})
	d := w.addOnly("*." + w.zone)
	got := w.await(d.ID, platform.ActionRequired, platform.NoDNSProvider)
	if !strings.Contains(got.State.Hint, "acme.dns") {
		t.Errorf("hint %q", got.State.Hint)
	}
}

func TestRemovingADomainEndsItsOrder(t *testing.T) {
	asked := make(chan struct{}, 8)
	hang := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		asked <- struct{}{}
		<-q.Context().Done()
	}))
	t.Cleanup(hang.Close)
	w := open(t, options{before: func(c *Config) {
		roots := x509.NewCertPool()
		roots.AddCert(hang.Certificate())
		c.Directories = []Directory{{URL: hang.URL + "/dir", Roots: roots, CAA: []string{"ca.test"}}}
	}})
	d := w.add(w.name("www"))
	d = w.await(d.ID, platform.Issuing, "")
	<-asked
	w.book.remove(d.ID)
	began := time.Now()
	if err := w.Removed(t.Context(), d); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("removed after %s: %v", time.Since(began), err)
	}
}
