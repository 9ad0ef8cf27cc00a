package cert

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
)

// minRSA is the smallest RSA key that browsers take, in bits (CA/Browser Forum baseline requirements, section 6.1.5).
const minRSA = 2048

// weak says why browsers would refuse leaf, "" when they would not.
func weak(leaf *x509.Certificate) string {
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < minRSA {
		return fmt.Sprintf("the key has %d bits, and browsers want %d", key.N.BitLen(), minRSA)
	}
	if len(leaf.ExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return "the certificate is not for servers (extended key usage)"
	}
	return ""
}
