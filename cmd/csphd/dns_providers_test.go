package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/libdns/cloudflare"

	"csph/platform"
	"csph/router/cert"
	"csph/router/cert/budget"
	"csph/router/cert/dnscheck"
	"csph/router/cert/pebbletest"
	"csph/router/localca"
)

// to sends every request to one server.
type to string

func (host to) Do(q *http.Request) (*http.Response, error) {
	q.URL.Scheme, q.URL.Host = "http", strings.TrimPrefix(string(host), "http://")
	return http.DefaultClient.Do(q)
}

// orderWildcard has a certificate for the wildcard of a zone ordered from a real authority, with the one provider
// that the configuration has.
func orderWildcard(t *testing.T, a *zoneAPI, provider cert.Provider) {
	t.Helper()
	r, shop := reported(t)
	ca := pebbletest.Start(t, pebbletest.Config{Resolver: a.dns.Addr.String()})
	text, err := os.ReadFile(ca.TrustFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	local, err := localca.Open(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	resolvers := []string{a.dns.Addr.String()}
	k := cert.New(cert.Config{
		Records: r.db, Bus: r.db, DNS: &dnscheck.Checker{Resolvers: resolvers}, Ledger: budget.New(storage, time.Now), Storage: storage,
		Directories: []cert.Directory{{URL: ca.Directory, Roots: roots}}, Ports: cert.Ports{HTTPS: "127.0.0.1:1"},
		Providers: []cert.Provider{provider}, Resolvers: resolvers, Local: local, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Expect: func(context.Context, platform.Domain) dnscheck.Expect {
			return dnscheck.Expect{Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	defer func() { cancel(); <-ended; k.Close() }()
	draft, err := k.Draft(shop.ID, "*."+strings.TrimSuffix(a.zone, "."), 0, false)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.db.CreateDomain(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	k.Added(t.Context(), d)
	for end := time.Now().Add(40 * time.Second); d.Status != platform.DomainActive; time.Sleep(20 * time.Millisecond) {
		if d, err = r.db.Domain(t.Context(), d.ID); err != nil || time.Now().After(end) || d.Status == platform.ActionRequired {
			t.Fatalf("%s is %s: %+v, %v", d.Name, d.Status, d.State, err)
		}
	}
}

// configured is the only provider of a configuration.
func configured(t *testing.T, dns string) cert.Provider {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, fmt.Sprintf("acme: {dns: [{"+dns+"}]}\n", secret), nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.ACME.providers()
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

func TestAWildcardIsProvenByTheAPIOfCloudflare(t *testing.T) {
	a := newZoneAPI(t, "flare.test.")
	server := httptest.NewServer(cloudflareAPI{a})
	defer server.Close()
	p := configured(t, "provider: cloudflare, zones: [flare.test], token_file: %q")
	p.DNSProvider.(*cloudflare.Provider).HTTPClient = to(server.URL)
	orderWildcard(t, a, p)
	a.gone(0)
}

func TestAWildcardIsProvenByTheAPIOfRoute53AlsoAfterAnInterruptedOrder(t *testing.T) {
	a := newZoneAPI(t, "route.test.")
	a.name, a.texts["left"] = "_acme-challenge.route.test.", `"left by an interrupted order"`
	server := httptest.NewServer(route53API{a})
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_ROUTE_53", server.URL)
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	p := configured(t, "provider: route53, access_key_id: id, secret_key_file: %q")
	orderWildcard(t, a, p)
	a.gone(1)
}

func TestBadAWSSettingsOfTheEnvironmentAreRefusedAtTheStart(t *testing.T) {
	t.Setenv("AWS_PROFILE", "nobody")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	if _, err := load(t, "acme: {dns: [{provider: route53}]}\n", nil); err == nil || !strings.Contains(err.Error(), "AWS settings") {
		t.Errorf("got %v", err)
	}
}
