package runtime

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"csph/platform"
)

const (
	// HealthPath is asked for where no check is configured.
	HealthPath = "/healthz"

	tryTimeout     = 5 * time.Second
	retryPeriod    = 5 * time.Second
	failureTimeout = 300 * time.Second
	mostRedirects  = 10
)

// UnhealthyError says that a spherelet did not become ready.
type UnhealthyError struct {
	Last  string        // what came of the last probe
	After time.Duration // since the first one
	Err   error         // context.DeadlineExceeded after the check's failure timeout, or why the caller's context ended
}

func (e *UnhealthyError) Error() string {
	return fmt.Sprintf("not ready after %s: %s", e.After.Round(time.Millisecond), e.Last)
}

func (e *UnhealthyError) Unwrap() error { return e.Err }

// Prober asks spherelets whether they are ready and well: by HTTP from the host, or by a command in them. It is safe
// for concurrent use.
type Prober struct {
	// Exec runs command in a spherelet, until ctx ends, and returns its exit code and the end of what it said. It is
	// needed for checks that are commands.
	Exec func(ctx context.Context, spherelet string, command []string) (exit int, said string, err error)
}

// Ready blocks until the spherelet answers as check demands, the check's failure timeout (300 s where it has
// none) is over, or ctx ends; the error is an *UnhealthyError then. A warning is something to tell the user
// although the spherelet passed.
//
// With nil the rule of SPEC section 4 holds: the port accepts and GET /healthz is not an error. 2xx and 3xx
// pass. 4xx and 501 pass with a warning: the app answers, but not to this question (there is no such route,
// it wants a login or another Host). So does an answer that is not HTTP: the port belongs to another
// protocol. Any other 5xx, a connection that is refused, cut before an answer, or silent for 5 s does not.
//
// A configured check passes with 2xx only; redirects within the spherelet are followed. A command passes with exit
// code 0 within 5 s.
func (p Prober) Ready(ctx context.Context, s platform.Spherelet, check *platform.Check) (warning string, err error) {
	timeout, period := failureTimeout, retryPeriod
	if check != nil {
		timeout = cmp.Or(check.FailureTimeout, timeout)
		period = cmp.Or(check.RetryPeriod, period)
	}
	try := p.tryOf(s, check)
	began := time.Now()
	limit, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	last := ""
	for wait := paceOf(check, period); ; {
		attempt, cancel := context.WithTimeout(limit, tryTimeout)
		warning, err = try(attempt)
		cancel()
		if err == nil {
			return warning, nil
		}
		if last == "" || limit.Err() == nil { // a try cut short says nothing new
			last = err.Error()
		}
		if !sleep(limit, wait.next(time.Since(began))) {
			return "", &UnhealthyError{Last: last, After: time.Since(began), Err: context.Cause(limit)}
		}
	}
}

// Try asks once what check demands, for at most 5 s; nil when the spherelet passes.
func (p Prober) Try(ctx context.Context, s platform.Spherelet, check platform.Check) error {
	attempt, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	_, err := p.tryOf(s, &check)(attempt)
	return err
}

// tryOf returns a function that probes once.
func (p Prober) tryOf(s platform.Spherelet, check *platform.Check) func(context.Context) (string, error) {
	addr := s.Address
	switch {
	case check == nil:
		return func(ctx context.Context) (string, error) { return tryDefault(ctx, addr) }
	case check.Exec != "":
		return func(ctx context.Context) (string, error) { return "", p.tryCommand(ctx, s.ID, check.Exec) }
	}
	if check.Port != 0 {
		addr = netip.AddrPortFrom(addr.Addr(), uint16(check.Port))
	}
	return func(ctx context.Context) (string, error) { return "", tryConfigured(ctx, addr, *check) }
}

func tryDefault(ctx context.Context, addr netip.AddrPort) (warning string, err error) {
	target := "http://" + addr.String() + HealthPath
	client := pinned(addr, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse })
	status, err := get(ctx, client, target, "")
	switch {
	case err != nil && notHTTP(err):
		return fmt.Sprintf("port %d accepts connections, but what answers is not HTTP; whether the service is ready cannot be told from outside", addr.Port()), nil
	case err != nil:
		return "", describe(err, target)
	case status < 400:
		return "", nil
	case status < 500 || status == http.StatusNotImplemented:
		return fmt.Sprintf("GET %s answered %d %s; the service counts as ready, since it answers. Configure a readiness check, or answer %s with 200", HealthPath, status, http.StatusText(status), HealthPath), nil
	}
	return "", fmt.Errorf("GET %s answered %d %s", target, status, http.StatusText(status))
}

func tryConfigured(ctx context.Context, addr netip.AddrPort, check platform.Check) error {
	target := cmp.Or(check.Scheme, "http") + "://" + addr.String() + "/" + strings.TrimPrefix(check.Path, "/")
	status, err := get(ctx, pinned(addr, followWithin), target, check.Host)
	if err != nil {
		return describe(err, target)
	}
	if status < 200 || status > 299 {
		return fmt.Errorf("GET %s answered %d %s", target, status, http.StatusText(status))
	}
	return nil
}

// pinned is a client that connects to addr and nowhere else, once for each request.
func pinned(addr netip.AddrPort, redirect func(*http.Request, []*http.Request) error) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr.String())
	}
	transport := &http.Transport{
		DialContext: dial, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // nobody vouches for an address that is the spherelet's own
	}
	return &http.Client{Transport: transport, CheckRedirect: redirect}
}

// followWithin follows redirects that stay with the spherelet: what it says about other hosts is nothing
// that the server would connect to on its word.
func followWithin(next *http.Request, via []*http.Request) error {
	first := via[0]
	host := cmp.Or(first.Host, first.URL.Host)
	if next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host && !strings.EqualFold(next.URL.Host, host) {
		return fmt.Errorf("it redirects to %s, away from the spherelet", next.URL)
	}
	if len(via) >= mostRedirects {
		return fmt.Errorf("it redirects more than %d times", mostRedirects)
	}
	next.Host = first.Host
	return nil
}

// get returns the status of the answer; redirects are the client's to treat.
func get(ctx context.Context, client *http.Client, target, host string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, fmt.Errorf("make the request: %w", err)
	}
	if host != "" {
		req.Host = host
	}
	req.Header.Set("User-Agent", "csph-probe")
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, 64<<10) // the status is what counts; an app may log a cut answer as an error
	return resp.StatusCode, nil
}

// notHTTP tells an answer that is not HTTP from no answer: net/http has no type for the former.
func notHTTP(err error) bool { return strings.Contains(err.Error(), "malformed HTTP") }

// describe says what went wrong without the wrapping of net/http.
func describe(err error, target string) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("GET %s: no answer in time", target)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("GET %s: connection refused, nothing listens there", target)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("GET %s: the connection was closed without an answer", target)
	}
	return fmt.Errorf("GET %s: %w", target, err)
}
