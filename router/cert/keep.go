package cert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/caddyserver/certmagic"

	"csph/platform"
)

// servedKey is where the certificate that a domain is served with is kept: chain and key in one value, so that
// no crash leaves one without the other.
func servedKey(name string) string {
	return "csph/served/" + certmagic.StorageKeys.Safe(name) + ".pem"
}

// keep stores the certificate that a domain is served with from now on.
func (k *Keeper) keep(ctx context.Context, name string, c *tls.Certificate) error {
	text, err := encode(c)
	if err != nil {
		return fmt.Errorf("encode the certificate of %s: %w", name, err)
	}
	if err := k.Storage.Store(ctx, servedKey(name), text); err != nil {
		return fmt.Errorf("store the certificate of %s: %w", name, err)
	}
	return nil
}

func encode(c *tls.Certificate) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, block := range c.Certificate {
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: block}); err != nil {
			return nil, err
		}
	}
	err = pem.Encode(&out, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return out.Bytes(), err
}

// stored is the certificate that was kept for a domain, nil when there is none or it cannot be used.
func (k *Keeper) stored(ctx context.Context, d platform.Domain) *tls.Certificate {
	text, err := k.Storage.Load(ctx, servedKey(d.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var c tls.Certificate
	if err == nil {
		c, err = tls.X509KeyPair(text, text)
	}
	if err != nil {
		k.Logger.Error("the certificate of a domain cannot be read; another one is ordered", "domain", d.Name, "err", err)
		return nil
	}
	return &c
}

// newest is the youngest certificate that the authorities' orders have left in storage for name and that is
// another than the one served; nil when there is none.
func (k *Keeper) newest(ctx context.Context, name string) *tls.Certificate {
	best := k.certOf(name)
	found := best
	for _, a := range k.authorities {
		chain, err := k.Storage.Load(ctx, certmagic.StorageKeys.SiteCert(a.key(), name))
		if err != nil {
			continue
		}
		key, err := k.Storage.Load(ctx, certmagic.StorageKeys.SitePrivateKey(a.key(), name))
		if err != nil {
			continue
		}
		c, err := tls.X509KeyPair(chain, key)
		if err == nil && time.Now().Before(c.Leaf.NotAfter) && (found == nil || c.Leaf.NotBefore.After(found.Leaf.NotBefore) || c.Leaf.NotAfter.After(found.Leaf.NotAfter)) {
			found = &c
		}
	}
	if found == best {
		return nil
	}
	return found
}

// discard removes everything that is stored for a domain.
func (k *Keeper) discard(ctx context.Context, name string) error {
	errs := []error{k.Storage.Delete(ctx, servedKey(name))}
	for _, a := range k.authorities {
		errs = append(errs, k.Storage.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(a.key(), name)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete the certificates of %s: %w", name, err)
	}
	return nil
}
