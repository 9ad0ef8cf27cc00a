package cert

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/mholt/acmez/v3"
)

// TLSConfig is the policy of HTTPS listeners: TLS 1.2 and newer, forward secrecy and authenticated
// encryption only, post-quantum key exchange first (RFC 9846 and X25519MLKEM768), the certificate by
// server name. protocols are those of ALPN, preferred ones first; TLS-ALPN-01 is added. Session ticket keys
// are crypto/tls's own, a new one each day, none older than a week, unless Tickets.Apply gives it others. get is
// a Keeper's GetCertificate. Each call makes a new configuration.
func TLSConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		NextProtos:       append(slices.Clone(protocols), acmez.ACMETLS1Protocol),
		GetCertificate:   get,
	}
}

// GetCertificate answers a handshake. Names that nobody has added, and handshakes without a name, get
// none: the client is told unrecognized_name (RFC 6066 section 3), and learns of no other name.
func (k *Keeper) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acmez.ACMETLS1Protocol {
		return k.challengeCertificate(hello)
	}
	name := lower(strings.TrimSuffix(hello.ServerName, "."))
	if s := k.sites.forHandshake(name); s != nil {
		if s.cert != nil {
			return s.cert, nil
		}
		return k.Local.Issue(name)
	}
	if k.Local.Covers(name) {
		return k.Local.Issue(name)
	}
	return nil, nil
}

// lower is strings.ToLower of a host name, which most often is in lower case already.
func lower(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' {
			return strings.ToLower(name)
		}
	}
	return name
}

// challengeCertificate answers TLS-ALPN-01 (RFC 8737), for this process's orders and for those of others that share the storage.
func (k *Keeper) challengeCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	for _, a := range k.authorities {
		if c, err := a.config.GetCertificate(hello); err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no order for %q is being validated", hello.ServerName)
}
