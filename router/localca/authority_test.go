package localca

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// handshake connects to a listener of a with the given name, trusting what is in dir.
func handshake(t *testing.T, a *Authority, dir, name string) (tls.ConnectionState, error) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return a.Issue(hello.ServerName)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("read ca.crt: %v", err)
	}
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: name})
	err = client.Handshake()
	return client.ConnectionState(), err
}

func TestAClientThatTrustsTheAuthorityTrustsEveryNameOfTheDomain(t *testing.T) {
	dir := t.TempDir()
	a, err := Open(dir, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"web.localhost", "a.b.localhost", "localhost"} {
		if _, err := handshake(t, a, dir, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheAuthorityCoversItsDomainAndNothingThatOnlyEndsLikeIt(t *testing.T) {
	a, err := Open(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"localhost": true, "web.localhost": true, "a.b.localhost": true, "notlocalhost": false, "example.com": false, "": false} {
		if a.Covers(name) != want {
			t.Errorf("covers %q: %v", name, !want)
		}
	}
	for _, name := range []string{"", "a b", "web.localhost\n", "WEB.localhost", "*.localhost", strings.Repeat("a", 254)} {
		if _, err := a.Issue(name); err == nil {
			t.Errorf("a certificate for %q was made", name)
		}
	}
}

func TestTheAuthorityOutlivesARestartAndItsKeyIsPrivate(t *testing.T) {
	dir := t.TempDir()
	first, err := Open(dir, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	second, err := Open(dir, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	if !first.cert.Equal(second.cert) {
		t.Error("a second start made another authority")
	}
	st, err := os.Stat(filepath.Join(dir, "ca.key"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("ca.key has mode %v (%v)", st.Mode(), err)
	}
}

func TestALeafIsMadeOnceForEachName(t *testing.T) {
	dir := t.TempDir()
	a, err := Open(dir, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	one, err := handshake(t, a, dir, "web.localhost")
	if err != nil {
		t.Fatal(err)
	}
	two, err := handshake(t, a, dir, "web.localhost")
	if err != nil {
		t.Fatal(err)
	}
	if !one.PeerCertificates[0].Equal(two.PeerCertificates[0]) {
		t.Error("two handshakes for one name got two certificates")
	}
}
