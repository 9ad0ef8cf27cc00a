package cert

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
)

// challengePath is below which authorities look for answers (RFC 8555 section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// Challenge returns what an authority that validates host finds at path, over plain HTTP. false when no
// order for host is being validated, or path is another. It may read storage.
func (k *Keeper) Challenge(host, path []byte) (answer []byte, ok bool) {
	if !bytes.HasPrefix(path, []byte(challengePath)) {
		return nil, false
	}
	q := &http.Request{Method: http.MethodGet, Host: string(host), URL: &url.URL{Path: string(path)}, Header: http.Header{}}
	for _, a := range k.authorities {
		var w recorder
		if a.issuer.HandleHTTPChallenge(&w, q) {
			return w.Bytes(), true
		}
	}
	return nil, false
}

// recorder takes an answer that certmagic would give to a client.
type recorder struct{ bytes.Buffer }

func (*recorder) Header() http.Header { return http.Header{} }
func (*recorder) WriteHeader(int)     {}

// Policy says how requests for a host name, in lower case and without port, are served: secure means that
// plain HTTP is redirected to HTTPS at port ("" for the standard one), hsts is the value of
// Strict-Transport-Security on answers over HTTPS, empty for none. It neither blocks nor allocates.
func (k *Keeper) Policy(host []byte) (secure bool, hsts string) {
	s := k.sites.policy(host)
	if s == nil {
		return false, ""
	}
	return s.secure, s.hsts
}

// Port is that of HTTPS in URLs, "" for the standard one.
func (k *Keeper) Port() string {
	_, port, err := net.SplitHostPort(k.Ports.HTTPS)
	if err != nil || port == "443" {
		return ""
	}
	return port
}
