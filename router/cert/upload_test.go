package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

// issued is a certificate that a test has made.
type issued struct {
	cert *x509.Certificate
	key  any
	pem  string
}

func (i issued) keyPEM(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// issue makes a certificate for names, signed by parent or itself.
func issue(t testing.TB, parent *issued, change func(*x509.Certificate), names ...string) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return sign(t, parent, key, &key.PublicKey, change, names)
}

func sign(t testing.TB, parent *issued, key, public any, change func(*x509.Certificate), names []string) issued {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: strings.Join(names, " ")}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	by, with := template, key
	if parent != nil {
		by, with = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, public, with)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issued{c, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

func authorityOf(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
}

func TestUploadsThatBrowsersWouldRefuseAreRefusedWithTheReason(t *testing.T) {
	root := issue(t, nil, authorityOf, "root")
	middle := issue(t, &root, authorityOf, "middle")
	good := issue(t, &middle, nil, "www.example.com", "*.example.com")
	other := issue(t, &middle, nil, "www.example.com")
	over := issue(t, &middle, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "www.example.com")
	early := issue(t, &middle, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, "www.example.com")
	client := issue(t, &middle, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, "www.example.com")
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := sign(t, &middle, weakKey, &weakKey.PublicKey, nil, []string{"www.example.com"})
	for _, c := range []struct {
		name, domain, chain, key, says string
	}{
		{"whole", "www.example.com", good.pem + middle.pem + root.pem, good.keyPEM(t), ""},
		{"without the root", "www.example.com", good.pem + middle.pem, good.keyPEM(t), ""},
		{"wildcard", "*.example.com", good.pem, good.keyPEM(t), ""},
		{"another name", "www.example.org", good.pem, good.keyPEM(t), "and not for www.example.org"},
		{"no wildcard", "*.example.com", other.pem, other.keyPEM(t), "and not for *.example.com"},
		{"over", "www.example.com", over.pem, over.keyPEM(t), "has ended"},
		{"early", "www.example.com", early.pem, early.keyPEM(t), "not valid before"},
		{"another's key", "www.example.com", good.pem, other.keyPEM(t), "do not fit"},
		{"order", "www.example.com", middle.pem + good.pem, middle.keyPEM(t), "not for www.example.com"},
		{"gap", "www.example.com", good.pem + root.pem, good.keyPEM(t), "has not signed the one before it"},
		{"no chain", "www.example.com", "hello", good.keyPEM(t), "is not PEM"},
		{"no key", "www.example.com", good.pem, "", "the key is not PEM"},
		{"clients'", "www.example.com", client.pem, client.keyPEM(t), "not for servers"},
		{"weak", "www.example.com", weak.pem, weak.keyPEM(t), "1024 bits"},
		{"huge", "www.example.com", good.pem + strings.Repeat("x", 300<<10), good.keyPEM(t), "256 KB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseUpload(c.domain, []byte(c.chain), []byte(c.key), time.Now())
			if c.says == "" {
				if err != nil || got == nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, platform.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v; want an error that says %q", err, c.says)
			}
		})
	}
}

func TestAnUploadedCertificateIsServedAndItsEndIsTold(t *testing.T) {
	w := open(t, options{})
	d := w.addOnly(w.name("www"))
	short := issue(t, nil, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-10*time.Hour), time.Now().Add(time.Minute)
	}, w.name("www"))
	got, err := w.Upload(t.Context(), d.ID, []byte(short.pem), []byte(short.keyPEM(t)))
	if err != nil || got.Status != platform.DomainActive || got.Certificate.Source != platform.FromUpload {
		t.Fatalf("%+v, %v", got, err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(short.cert)
	check := func(when string) {
		t.Helper()
		leaf, err := handshake(w.config.Ports.HTTPS, w.name("www"), roots)
		if err != nil || !leaf.Equal(short.cert) {
			t.Errorf("%s: %v", when, err)
		}
	}
	check("after the upload")
	w.await(d.ID, platform.DomainActive, platform.CertificateExpires)
	w.told(platform.EventCertificateEnds)
	if w.book.count(platform.EventCertificateEnds) != 1 {
		t.Errorf("%d events", w.book.count(platform.EventCertificateEnds))
	}
	w.restart()
	check("after a restart")
}

func FuzzParseUpload(f *testing.F) {
	root := issue(f, nil, authorityOf, "root")
	leaf := issue(f, &root, nil, "www.example.com")
	f.Add([]byte(leaf.pem+root.pem), []byte(leaf.keyPEM(f)))
	f.Add([]byte(leaf.pem), []byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, chain, key []byte) {
		c, err := ParseUpload("www.example.com", chain, key, time.Now())
		if err == nil && (c == nil || c.Leaf.VerifyHostname("www.example.com") != nil) {
			t.Errorf("taken: %v", c)
		}
		if err != nil && !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("error %v is not the user's", err)
		}
	})
}

func TestWhatIsKeptIsReadBack(t *testing.T) {
	leaf := issue(t, nil, nil, "www.example.com")
	text, err := encode(&tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key})
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.X509KeyPair(text, text)
	if err != nil || !c.Leaf.Equal(leaf.cert) {
		t.Errorf("%v", err)
	}
}
