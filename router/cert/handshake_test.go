package cert

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"testing"
	"time"

	"csph/platform"
	"csph/router/localca"
)

// local is a keeper that knows an authority for localhost and no domain.
func local(t *testing.T) (*Keeper, *x509.CertPool) {
	t.Helper()
	ca, err := localca.Open(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.Root())
	return &Keeper{Config: Config{Local: ca}, sites: newSites()}, roots
}

// connect makes one handshake between the two configurations.
func connect(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := ln.Accept(); err == nil {
			s := tls.Server(c, server)
			_ = s.SetDeadline(time.Now().Add(patience))
			if s.Handshake() == nil {
				_, _ = s.Write([]byte("x")) // with the session tickets before it
			}
			c.Close()
		}
	}()
	defer func() { <-done }()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conn := tls.Client(c, client)
	_ = conn.SetDeadline(time.Now().Add(patience))
	if err = conn.Handshake(); err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	return conn.ConnectionState(), err
}

func TestTheHandshakeIsModern(t *testing.T) {
	k, roots := local(t)
	server := TLSConfig(k.GetCertificate, "h2", "http/1.1")
	got, err := connect(t, server, &tls.Config{ServerName: "web.localhost", RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil || got.Version != tls.VersionTLS13 || got.CurveID != tls.X25519MLKEM768 || got.NegotiatedProtocol != "h2" {
		t.Errorf("version %x, curve %s, protocol %q (%v)", got.Version, got.CurveID, got.NegotiatedProtocol, err)
	}
	for _, c := range []struct {
		name   string
		config *tls.Config
		works  bool
	}{
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{"no forward secrecy", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		{"without post-quantum", &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}, true},
	} {
		c.config.ServerName, c.config.RootCAs = "web.localhost", roots
		if _, err := connect(t, server, c.config); (err == nil) != c.works {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestNamesThatNobodyHasAddedLearnNothing(t *testing.T) {
	k, roots := local(t)
	server := TLSConfig(k.GetCertificate, "http/1.1")
	for _, name := range []string{"www.example.com", "notlocalhost", "127.0.0.1", ""} {
		got, err := connect(t, server, &tls.Config{ServerName: name, RootCAs: roots, InsecureSkipVerify: true})
		if !isAlert(err) || len(got.PeerCertificates) > 0 {
			t.Errorf("%q: %v, %d certificates", name, err, len(got.PeerCertificates))
		}
	}
	if _, err := connect(t, server, &tls.Config{ServerName: "WEB.LocalHost", RootCAs: roots}); err != nil {
		t.Errorf("in capitals: %v", err)
	}
}

func TestPrivateNamesAreCertifiedByTheServersOwnAuthority(t *testing.T) {
	k, roots := local(t)
	book := newBook()
	k.Bus, k.wake = book, make(chan struct{}, 1)
	for _, name := range []string{"app.internal", "*.corp.example"} {
		d, err := k.Draft("svc_1", name, 0, true)
		if err != nil || d.Status != platform.DomainActive || d.Certificate.Source != platform.FromInternal {
			t.Fatalf("%s: %+v, %v", name, d, err)
		}
		k.Added(t.Context(), d)
	}
	for _, name := range []string{"app.internal", "a.corp.example"} {
		if _, err := connect(t, TLSConfig(k.GetCertificate), &tls.Config{ServerName: name, RootCAs: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sessions counts the tickets that a client was given.
type sessions struct{ tls.ClientSessionCache }

func TestSessionTicketsAreTakenForAWeekAtMost(t *testing.T) {
	k, roots := local(t)
	now := time.Now()
	server := TLSConfig(k.GetCertificate)
	server.Time = func() time.Time { return now }
	cache := sessions{tls.NewLRUClientSessionCache(4)}
	client := &tls.Config{ServerName: "web.localhost", RootCAs: roots, ClientSessionCache: cache}
	resumed := func() bool {
		t.Helper()
		got, err := connect(t, server, client)
		if err != nil {
			t.Fatal(err)
		}
		return got.DidResume
	}
	if resumed() || !resumed() {
		t.Error("the second handshake does not resume the first")
	}
	now = now.Add(25 * time.Hour) // another key signs now, and the old one is still good
	if !resumed() {
		t.Error("a ticket of yesterday is refused")
	}
	now = now.Add(8 * 24 * time.Hour)
	if resumed() {
		t.Error("a ticket is taken after more than a week")
	}
}

func TestOnlyValidatorsAreOfferedTheChallengeProtocol(t *testing.T) {
	protocols := TLSConfig(nil, "h2", "http/1.1").NextProtos
	if !slices.Equal(protocols, []string{"h2", "http/1.1", "acme-tls/1"}) {
		t.Errorf("protocols %v", protocols)
	}
	k, _ := local(t)
	if c, err := k.GetCertificate(&tls.ClientHelloInfo{ServerName: "web.localhost", SupportedProtos: []string{"acme-tls/1"}}); c != nil || err == nil {
		t.Errorf("a validation of nobody's order: %v, %v", c, err)
	}
}
