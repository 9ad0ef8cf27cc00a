package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"csph/platform"
)

// maxPEM bounds what is read of a chain or a key.
const maxPEM = 256 << 10

// Upload makes a certificate that its owner brings the one of the domain. chain is PEM, the domain's own
// certificate first, then those that lead to the root; key is its private key in PEM.
// platform.ErrInvalid says what is wrong with them.
func (k *Keeper) Upload(ctx context.Context, id string, chain, key []byte) (platform.Domain, error) {
	done, err := k.await(ctx, id)
	if err != nil {
		return platform.Domain{}, err
	}
	defer done()
	d, err := k.Records.Domain(ctx, id)
	if err != nil {
		return platform.Domain{}, err
	}
	c, err := ParseUpload(d.Name, chain, key, time.Now())
	if err != nil {
		return platform.Domain{}, err
	}
	if err := k.keep(ctx, d.Name, c); err != nil {
		return platform.Domain{}, err
	}
	k.serve(d, c)
	k.forgetPlan(id)
	return k.move(ctx, d, platform.InstallCert, func(d *platform.Domain) {
		d.Certificate = described(platform.FromUpload, c)
		d.State = platform.DomainState{Message: "served over HTTPS with the uploaded certificate until " + stamp(c.Leaf.NotAfter)}
	})
}

// ParseUpload reads a chain and its key in PEM and checks that browsers would accept them for name: the
// key fits, the names and dates are right, the key is strong enough, and each certificate is signed by
// the one after it. Whether the root is trusted is the owner's business. The error is platform.ErrInvalid.
func ParseUpload(name string, chain, key []byte, now time.Time) (*tls.Certificate, error) {
	bad := func(format string, args ...any) (*tls.Certificate, error) {
		return nil, fmt.Errorf("%w: %s", platform.ErrInvalid, fmt.Sprintf(format, args...))
	}
	if len(chain) > maxPEM || len(key) > maxPEM {
		return bad("a certificate or key of more than 256 KB is none")
	}
	if block, _ := pem.Decode(chain); block == nil {
		return bad("the certificate is not PEM; it starts with -----BEGIN CERTIFICATE-----")
	}
	if block, _ := pem.Decode(key); block == nil {
		return bad("the key is not PEM; it starts with -----BEGIN PRIVATE KEY-----")
	}
	c, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return bad("certificate and key do not fit: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
	if err := usable(name, c.Leaf, now); err != "" {
		return bad("%s", err)
	}
	return &c, checkChain(c)
}

// usable says why leaf cannot serve name, "" when it can.
func usable(name string, leaf *x509.Certificate, now time.Time) string {
	host := strings.Replace(name, "*.", "csph-check.", 1) // any host below
	switch {
	case leaf.VerifyHostname(host) != nil:
		return fmt.Sprintf("the certificate is for %s, and not for %s", strings.Join(leaf.DNSNames, ", "), name)
	case now.After(leaf.NotAfter):
		return "the certificate has ended at " + stamp(leaf.NotAfter)
	case now.Before(leaf.NotBefore):
		return "the certificate is not valid before " + stamp(leaf.NotBefore)
	case leaf.IsCA:
		return "the first certificate is an authority's; put the domain's own first"
	}
	return weak(leaf)
}

// checkChain sees that each certificate is signed by the next one.
func checkChain(c tls.Certificate) error {
	child := c.Leaf
	for i, der := range c.Certificate[1:] {
		parent, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("%w: certificate %d of the chain cannot be read: %w", platform.ErrInvalid, i+2, err)
		}
		if err := child.CheckSignatureFrom(parent); err != nil {
			return fmt.Errorf("%w: certificate %d of the chain (%s) has not signed the one before it: order them from the domain's own to the root", platform.ErrInvalid, i+2, parent.Subject)
		}
		child = parent
	}
	return nil
}
