package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"csph/gitd/remote"
	"csph/platform"
)

// Bounds of one request.
const (
	callTime  = 15 * time.Second
	maxAnswer = 256 << 10
)

// Client tells the hosts of repositories things. Safe for concurrent use.
type Client struct{ http *http.Client }

// NewClient returns a client that connects by transport: remote's, which goes where repositories may be. It follows no
// redirect: the credential is for the host that it was given for.
func NewClient(transport http.RoundTripper) *Client {
	return &Client{&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// RefusedError says that a host does not do what it was asked for.
type RefusedError struct {
	Host   string
	Status int
	Reason string // in the host's words, the first line
	// Later is set when it will after a while: the soonest that it has named, or 0.
	Later bool
	After time.Duration
}

func (e *RefusedError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.Host, e.Status, http.StatusText(e.Status))
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Closed reports whether the host does not accept the credential, whatever it is asked for.
func (e *RefusedError) Closed() bool {
	return !e.Later && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden || e.Status == http.StatusNotFound)
}

// Tell tells a repository's host r, and returns the handle by which it is changed afterwards. It blocks until the host has
// answered, 15 seconds for each of up to three requests. Errors are *RefusedError, *remote.AddressError below a
// *url.Error, platform.ErrInvalid for a repository that has no API, or those of the network.
func (c *Client) Tell(ctx context.Context, p Provider, to remote.Repository, r platform.Report) (handle string, err error) {
	s, err := newSite(p, to.URL)
	if err != nil {
		return r.Handle, err
	}
	t := &telling{client: c, site: s, dialect: dialects()[p], credential: to.Credential}
	switch r.Kind {
	case platform.ReportComment:
		return t.comment(ctx, r)
	case platform.ReportDeployment:
		return t.deployment(ctx, r)
	}
	_, err = t.ask(ctx, t.dialect.status(s, r))
	return "", err
}

// telling is the requests of one report.
type telling struct {
	client     *Client
	site       site
	dialect    dialect
	credential remote.Credential
}

// comment changes the comment that is there; one that somebody has deleted is made again.
func (t *telling) comment(ctx context.Context, r platform.Report) (string, error) {
	if r.Handle == "" {
		return t.ask(ctx, t.dialect.comment(t.site, r))
	}
	change := t.dialect.comment(t.site, r)
	err := t.addVersion(ctx, r, &change)
	if err == nil {
		_, err = t.ask(ctx, change)
	}
	var refused *RefusedError
	if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusGone) {
		r.Handle = ""
		return t.ask(ctx, t.dialect.comment(t.site, r))
	}
	return r.Handle, err
}

// addVersion adds to a change what it is a change of, where the host wants that.
func (t *telling) addVersion(ctx context.Context, r platform.Report, change *call) error {
	if t.dialect.version == nil {
		return nil
	}
	version, err := t.ask(ctx, t.dialect.version(t.site, r))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("read the comment's version %q: %w", version, err)
	}
	body, _ := change.body.(map[string]any)
	body = maps.Clone(body)
	body["version"] = n
	change.body = body
	return nil
}

// deployment makes the deployment, unless it is there, and says what has become of it.
func (t *telling) deployment(ctx context.Context, r platform.Report) (handle string, err error) {
	if t.dialect.deployment == nil {
		return "", nil
	}
	if r.Handle == "" {
		if r.Handle, err = t.ask(ctx, t.dialect.deployment(t.site, r)); err != nil {
			return "", err
		}
	}
	_, err = t.ask(ctx, t.dialect.outcome(t.site, r))
	return r.Handle, err
}

// ask makes one request, and returns the handle that its answer has.
func (t *telling) ask(ctx context.Context, c call) (handle string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	request, err := t.request(ctx, c)
	if err != nil {
		return "", err
	}
	answer, err := t.client.http.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("read the answer of %s: %w", t.site.api.Host, err)
	}
	if answer.StatusCode/100 != 2 {
		if t.dialect.told != nil && t.dialect.told(answer.StatusCode, body) {
			return "", nil
		}
		return "", t.refused(answer, body)
	}
	return handleIn(body, c.handle)
}

func (t *telling) request(ctx context.Context, c call) (*http.Request, error) {
	u, err := t.site.api.Parse(c.path)
	if err != nil {
		return nil, fmt.Errorf("name the place to report to: %w", err)
	}
	var body io.Reader
	if c.body != nil {
		text, err := json.Marshal(c.body)
		if err != nil {
			return nil, fmt.Errorf("write the report: %w", err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, c.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if c.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "csph")
	for name, value := range t.dialect.headers {
		request.Header.Set(name, value)
	}
	t.dialect.sign(request, t.credential)
	return request, nil
}

// refused is an answer that is no success.
func (t *telling) refused(answer *http.Response, body []byte) error {
	e := &RefusedError{Host: t.site.api.Host, Status: answer.StatusCode, Reason: reasonIn(body)}
	limited := answer.Header.Get("X-RateLimit-Remaining") == "0" || answer.Header.Get("Retry-After") != ""
	switch {
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusForbidden && limited:
		e.Later, e.After = true, after(answer.Header, time.Now())
	case e.Status == http.StatusRequestTimeout, e.Status >= 500:
		e.Later, e.After = true, after(answer.Header, time.Now())
	}
	return e
}

const longestWait = time.Hour

// after is how long a host asks to be left alone (RFC 9110 section 10.2.3, and what GitHub and GitLab say of their limits).
func after(h http.Header, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		wait = at.Sub(now)
	} else {
		for _, name := range []string{"X-RateLimit-Reset", "RateLimit-Reset"} {
			if unix, err := strconv.ParseInt(h.Get(name), 10, 64); err == nil && wait == 0 {
				wait = time.Unix(unix, 0).Sub(now)
			}
		}
	}
	return max(0, min(wait, longestWait))
}

const longestReason = 200

// reasonIn is what an answer says in words, in whichever of the usual forms.
func reasonIn(body []byte) string {
	var said struct {
		Message any    `json:"message"`
		Error   any    `json:"error"`
		Detail  string `json:"detail"`
		Errors  []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	for _, one := range []any{said.Message, said.Error} {
		switch v := one.(type) {
		case string:
			return firstLine(v)
		case map[string]any:
			if text, ok := v["message"].(string); ok {
				return firstLine(text)
			}
		}
	}
	for _, one := range said.Errors {
		if one.Message != "" {
			return firstLine(one.Message)
		}
	}
	return firstLine(said.Detail)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return cut(line, longestReason)
}

// handleIn takes the value at path, a number or a text, out of an answer.
func handleIn(body []byte, path []string) (string, error) {
	if path == nil {
		return "", nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	for _, name := range path {
		fields, ok := v.(map[string]any)
		if !ok {
			return "", fmt.Errorf("read the answer: it has no %s", strings.Join(path, "."))
		}
		v = fields[name]
	}
	switch v := v.(type) {
	case json.Number:
		return v.String(), nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("read the answer: it has no %s", strings.Join(path, "."))
}
