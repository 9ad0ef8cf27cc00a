package localca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// Domain is the domain that the authority was made for.
func (a *Authority) Domain() string { return a.domain }

// Covers reports whether name, in lower case, is the authority's domain or below it.
func (a *Authority) Covers(name string) bool {
	return name == a.domain || strings.HasSuffix(name, "."+a.domain)
}

// Issue returns a certificate for a host name in lower case, made when there is none yet or it is past half
// its life. The caller answers for the name: it is one that Covers, or that somebody has added as private.
func (a *Authority) Issue(name string) (*tls.Certificate, error) {
	if !validHost(name) {
		return nil, fmt.Errorf("no certificate for %q: it is no host name", name)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if leaf := a.leaves[name]; leaf != nil && time.Until(leaf.Leaf.NotAfter) > leafLife/2 {
		return leaf, nil
	}
	leaf, err := a.issue(name)
	if err != nil {
		return nil, err
	}
	if len(a.leaves) >= keepLeaves { // names are the client's to choose: bound what is kept
		clear(a.leaves)
	}
	a.leaves[name] = leaf
	return leaf, nil
}

// validHost reports whether name can be one of a certificate: x509 signs whatever it is given.
func validHost(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

func (a *Authority) issue(name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key for %s: %w", name, err)
	}
	template := template(name, leafLife)
	template.DNSNames = []string{name}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate for %s: %w", name, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate for %s: %w", name, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}
