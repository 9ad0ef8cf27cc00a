package main

import (
	"crypto/tls"
	"sync/atomic"

	"csph/router/cert"
)

// doorman is what HTTPS and the router ask about domains. It outlives the Keepers of each reign over the
// state: the last one answers until there is another.
type doorman struct{ keeper atomic.Pointer[cert.Keeper] }

// GetCertificate answers a handshake; nobody gets a certificate before there is a Keeper.
func (d *doorman) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if k := d.keeper.Load(); k != nil {
		return k.GetCertificate(hello)
	}
	return nil, nil
}

// Challenge implements router.Front.
func (d *doorman) Challenge(host, path []byte) ([]byte, bool) {
	if k := d.keeper.Load(); k != nil {
		return k.Challenge(host, path)
	}
	return nil, false
}

// Policy implements router.Front.
func (d *doorman) Policy(host []byte) (secure bool, hsts string) {
	if k := d.keeper.Load(); k != nil {
		return k.Policy(host)
	}
	return false, ""
}

// Port implements router.Front.
func (d *doorman) Port() string {
	if k := d.keeper.Load(); k != nil {
		return k.Port()
	}
	return ""
}
