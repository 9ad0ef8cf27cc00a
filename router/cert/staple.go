package cert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/crypto/ocsp"

	"csph/platform"
)

const (
	stapleIdle    = time.Hour        // between two looks at all certificates
	stapleTimeout = 10 * time.Second // for a responder's answer
	maxStaple     = 64 << 10         // of an answer, in bytes
)

// errRevoked is what a responder says of a certificate that must not be trusted any more.
var errRevoked = errors.New("the certificate was revoked")

// staple is what is known of an OCSP answer.
type staple struct {
	serial string    // of the certificate that it is for
	ask    time.Time // when to ask again
	ends   time.Time // when the one that is stapled is over; zero: none is
}

// stapler staples OCSP answers (RFC 6066 section 8, RFC 6960) to those certificates that name a responder, as
// those of some authorities do and uploaded ones may. Handshakes never wait for one.
type stapler struct {
	*Keeper
	client *http.Client
	known  map[string]staple // by id of the domain
}

func newStapler(k *Keeper) *stapler {
	return &stapler{k, &http.Client{Transport: k.Responders, Timeout: stapleTimeout}, map[string]staple{}}
}

// run asks until ctx ends.
func (s *stapler) run(ctx context.Context) {
	for sleep(ctx, s.round(ctx), s.unstapled) {
	}
}

// round asks for what is due, and returns when the next is.
func (s *stapler) round(ctx context.Context) time.Time {
	next := time.Now().Add(stapleIdle)
	all, err := s.Records.Domains(ctx, "")
	if err != nil {
		return time.Now().Add(s.Waits.Staple) // Run says so
	}
	known := make(map[string]staple)
	for _, d := range all {
		c := s.certOf(d.Name)
		if c == nil || len(c.Leaf.OCSPServer) == 0 || len(c.Certificate) < 2 || ctx.Err() != nil {
			continue
		}
		x := s.known[d.ID]
		if serial := c.Leaf.SerialNumber.String(); x.serial != serial {
			x = staple{serial: serial}
		}
		lost := len(c.OCSPStaple) == 0 && !x.ends.IsZero() // it was served anew meanwhile
		if lost || !time.Now().Before(x.ask) {
			x = s.refresh(ctx, d, c, x)
		}
		known[d.ID], next = x, earlier(next, x.ask)
	}
	s.known = known
	return next
}

// refresh staples what the responder says now. Without a good answer the last one is stapled until it is over.
func (s *stapler) refresh(ctx context.Context, d platform.Domain, c *tls.Certificate, last staple) staple {
	text, r, err := s.ask(ctx, c.Leaf, c.Certificate[1])
	if err == nil {
		s.sites.staple(d.Name, c, text)
		half := r.ThisUpdate.Add(r.NextUpdate.Sub(r.ThisUpdate) / 2)
		if soonest := in(s.Waits.Staple); half.Before(soonest) {
			half = earlier(soonest, r.NextUpdate)
		}
		return staple{serial: last.serial, ask: half, ends: r.NextUpdate}
	}
	if ctx.Err() != nil {
		return last
	}
	s.Logger.Warn("no OCSP answer for the certificate of a domain", "domain", d.Name, "err", err)
	next := staple{serial: last.serial, ask: in(s.Waits.Staple), ends: last.ends}
	revoked := errors.Is(err, errRevoked)
	if revoked && d.Certificate.Source == platform.FromACME {
		s.setPlan(d.ID, plan{serial: next.serial, renew: time.Now(), ask: in(askAgain)})
		s.Wake()
	}
	switch {
	case revoked || !time.Now().Before(next.ends):
		s.sites.staple(d.Name, c, nil)
		next.ends = time.Time{}
	default:
		next.ask = earlier(next.ask, next.ends)
	}
	return next
}

// ask returns an answer that says that leaf is good, and is for now.
func (s *stapler) ask(ctx context.Context, leaf *x509.Certificate, parent []byte) ([]byte, *ocsp.Response, error) {
	issuer, err := x509.ParseCertificate(parent)
	if err != nil {
		return nil, nil, err
	}
	question, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		return nil, nil, err
	}
	text, err := s.post(ctx, leaf.OCSPServer[0], question)
	if err != nil {
		return nil, nil, err
	}
	r, err := ocsp.ParseResponseForCert(text, leaf, issuer)
	now := time.Now()
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read the responder's answer: %w", err)
	case r.Status == ocsp.Revoked:
		return nil, nil, fmt.Errorf("%w at %s", errRevoked, stamp(r.RevokedAt))
	case r.Status != ocsp.Good:
		return nil, nil, errors.New("the responder does not know the certificate")
	case now.Before(r.ThisUpdate), !now.Before(r.NextUpdate):
		return nil, nil, fmt.Errorf("the responder's answer is for %s to %s", stamp(r.ThisUpdate), stamp(r.NextUpdate))
	}
	return text, r, nil
}

func (s *stapler) post(ctx context.Context, url string, question []byte) ([]byte, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Content-Type", "application/ocsp-request")
	resp, err := s.client.Do(q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxStaple))
}
