package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"csph/router/cert/budget"
)

// Directory is a certificate authority that may be asked.
type Directory struct {
	URL    string // of the ACME directory
	Email  string // of the account; may be empty
	EAB    *EAB   // external account binding, where the authority wants one
	Roots  *x509.CertPool
	CAA    []string // names that CAA records know it by; empty: what its directory says
	Limits budget.Limits
}

// EAB ties an ACME account to one that exists elsewhere (RFC 8555 section 7.3.4).
type EAB struct {
	KeyID  string
	MACKey string // base64url
}

// Ports are where an authority's validation requests arrive in the end. An empty port means that the challenge cannot be used.
type Ports struct {
	HTTP, HTTPS string // listen addresses, host:port
}

const (
	// orderTimeout bounds one attempt at one authority, validations and propagation of DNS records included.
	orderTimeout = 5 * time.Minute
	// directoryTimeout bounds a look at an authority's directory.
	directoryTimeout = 15 * time.Second
)

// authority is a certificate authority with what certmagic needs to order from it.
type authority struct {
	Directory
	issuer *certmagic.ACMEIssuer
	config *certmagic.Config
	heard  *heard
	client *http.Client

	challenges int                      // kinds that an order can be validated by
	caa        atomic.Pointer[[]string] // what the directory says, once it was read
}

// newAuthority prepares orders from d. The solver, where not nil, solves all its challenges.
func newAuthority(d Directory, storage certmagic.Storage, cache *certmagic.Cache, ports Ports, solver acmez.Solver, log *slog.Logger) *authority {
	logger, heard := newWire(log)
	a := &authority{Directory: d, heard: heard, challenges: 1}
	a.config = certmagic.New(cache, certmagic.Config{
		Storage: storage, Logger: logger, OCSP: certmagic.OCSPConfig{DisableStapling: true}, // stapler does it
		KeySource: certmagic.StandardKeyGenerator{KeyType: certmagic.P256},
		OnEvent:   failAttempt,
	})
	template := certmagic.ACMEIssuer{
		CA: d.URL, Email: d.Email, Agreed: true, TrustedRoots: d.Roots, DNS01Solver: solver,
		Logger: logger, CertObtainTimeout: orderTimeout,
	}
	template.ListenHost, template.AltHTTPPort, template.DisableHTTPChallenge = where(ports.HTTP)
	_, template.AltTLSALPNPort, template.DisableTLSALPNChallenge = where(ports.HTTPS)
	if solver == nil && !template.DisableHTTPChallenge && !template.DisableTLSALPNChallenge {
		a.challenges = 2
	}
	if d.EAB != nil {
		template.ExternalAccount = &acme.EAB{KeyID: d.EAB.KeyID, MACKey: d.EAB.MACKey}
	}
	a.issuer = certmagic.NewACMEIssuer(a.config, template)
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	a.client = &http.Client{Timeout: directoryTimeout, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: d.Roots},
	}}
	return a
}

// where splits a listen address for certmagic, which must find the port taken and then rely on whoever has it.
func where(listen string) (host string, port int, off bool) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, true
	}
	port, err = strconv.Atoi(text)
	return host, port, err != nil
}

// key names the authority in storage and in the budget.
func (a *authority) key() string { return a.issuer.IssuerKey() }

// attempt lets failAttempt end the attempt that an event belongs to.
type attempt struct{ end context.CancelCauseFunc }

type attemptKey struct{}

// failAttempt is certmagic's event hook. When an attempt fails it ends it: certmagic would try again by a
// schedule of its own.
func failAttempt(ctx context.Context, event string, data map[string]any) error {
	if event != "cert_failed" {
		return nil
	}
	err, ok := data["error"].(error)
	if a, found := ctx.Value(attemptKey{}).(attempt); ok && found {
		a.end(err)
	}
	return nil
}

// order makes one attempt to get a certificate for name, which is then in storage. An order in place of
// a certificate that this authority has issued says so to it (RFC 9773 section 5), unless the authority no longer knows that one.
func (a *authority) order(ctx context.Context, name string) error {
	began := time.Now()
	err := a.attempt(ctx, name)
	var problem acme.Problem
	if site := certmagic.StorageKeys.CertsSitePrefix(a.key(), name); errors.As(err, &problem) && problem.Type == acme.ProblemTypeMalformed && a.config.Storage.Exists(ctx, site) {
		if err = a.config.Storage.Delete(ctx, site); err == nil {
			err = a.attempt(ctx, name)
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("order a certificate for %s: %w", name, ctx.Err())
	}
	return a.explain(name, err, began)
}

// attempt has certmagic make one order, which is in place of the certificate that storage has from this authority.
func (a *authority) attempt(ctx context.Context, name string) error {
	within, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	within, end := context.WithCancelCause(within)
	defer end(nil)
	within = context.WithValue(within, attemptKey{}, attempt{end})
	var err error
	if a.config.Storage.Exists(within, certmagic.StorageKeys.SiteCert(a.key(), name)) {
		err = a.config.RenewCertAsync(within, name, true)
	} else {
		err = a.config.ObtainCertAsync(within, name)
	}
	if cause := context.Cause(within); err != nil && cause != nil {
		return cause
	}
	return err
}

// explain gives an error the kind that decides what follows.
func (a *authority) explain(name string, err error, began time.Time) *orderError {
	e := &orderError{authority: a.URL, name: name, err: err, kind: unavailable}
	var problem acme.Problem
	if !errors.As(err, &problem) {
		return e
	}
	e.detail = detailOf(problem)
	switch {
	case problem.Status == http.StatusTooManyRequests || problem.Type == acme.ProblemTypeRateLimited:
		e.kind, e.until = limited, a.heard.after(began)
	case problem.Status >= http.StatusInternalServerError:
		e.until = a.heard.after(began)
	case invalid[problem.Type]:
		e.kind = failedValidation
	default:
		e.kind = refused
	}
	return e
}

// invalid are the problems that the owner of the name has to mend (RFC 8555 section 6.7).
var invalid = map[string]bool{
	acme.ProblemTypeCAA: true, acme.ProblemTypeConnection: true, acme.ProblemTypeDNS: true,
	acme.ProblemTypeIncorrectResponse: true, acme.ProblemTypeTLS: true, acme.ProblemTypeUnauthorized: true,
}

// detailOf is an authority's own sentence, the most specific one.
func detailOf(p acme.Problem) string {
	for _, s := range p.Subproblems {
		if s.Detail != "" {
			return s.Detail
		}
	}
	if p.Detail != "" {
		return p.Detail
	}
	return p.Type
}

// orderKind says what follows from a failed order.
type orderKind int

const (
	unavailable      orderKind = iota // the authority: try another one, or again later
	limited                           // too many orders: another one, or when it says
	refused                           // it does not want this order: another one
	failedValidation                  // the name does not lead here for it: no other would see it differently
)

// orderError is an order that failed.
type orderError struct {
	authority string
	name      string
	kind      orderKind
	detail    string    // in the authority's own words; may be empty
	until     time.Time // when the authority wants to be asked again; may be zero
	err       error
}

func (e *orderError) Error() string {
	return fmt.Sprintf("order a certificate for %s from %s: %v", e.name, e.authority, e.err)
}

func (e *orderError) Unwrap() error { return e.err }

// said is what a person is told.
func (e *orderError) said() string {
	if e.detail != "" {
		return e.detail
	}
	return e.err.Error()
}

// caaNames returns the names that CAA records know the authority by (RFC 8555 section 7.1.1,
// caaIdentities); none when the directory cannot be read or names none.
func (a *authority) caaNames(ctx context.Context) []string {
	if len(a.CAA) > 0 {
		return a.CAA
	}
	if known := a.caa.Load(); known != nil {
		return *known
	}
	var directory struct {
		Meta struct {
			CAA []string `json:"caaIdentities"`
		} `json:"meta"`
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL, nil)
	if err != nil {
		return nil
	}
	resp, err := a.client.Do(q)
	if err != nil {
		return nil // the order will say so
	}
	defer resp.Body.Close()
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&directory) != nil {
		return nil
	}
	a.caa.Store(&directory.Meta.CAA)
	return directory.Meta.CAA
}

// suggested returns when the authority wants leaf to be renewed and when to ask again (RFC 9773 section
// 4.2); ok is false when it does not say, or means a window that is longer than the certificate's life.
func (a *authority) suggested(ctx context.Context, leaf *x509.Certificate) (renew, again time.Time, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, directoryTimeout)
	defer cancel()
	info, err := a.issuer.GetRenewalInfo(ctx, certmagic.Certificate{Certificate: tls.Certificate{Leaf: leaf}})
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	if info.RetryAfter != nil {
		again = *info.RetryAfter
	}
	w := info.SuggestedWindow
	return info.SelectedTime, again, w.End.Sub(w.Start) < leaf.NotAfter.Sub(leaf.NotBefore)
}
