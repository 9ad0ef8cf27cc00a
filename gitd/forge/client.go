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
	"net/url"
	"strconv"
	"strings"
	"sync"
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
type Client struct {
	http *http.Client

	mu     sync.Mutex
	places map[string]site // of the repositories that were looked for, by address
}

// NewClient returns a client that connects by transport: remote's, which goes where repositories may be. It follows no
// redirect: the credential is for the host that it was given for.
func NewClient(transport http.RoundTripper) *Client {
	return &Client{
		http:   &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		places: map[string]site{},
	}
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
// answered, 15 seconds for each request: what is made is looked for before, so that one whose making was not noted is not made
// twice. Errors are *RefusedError, *remote.AddressError below a
// *url.Error, platform.ErrInvalid for a repository that has no API, or those of the network.
func (c *Client) Tell(ctx context.Context, p Provider, to remote.Repository, r platform.Report) (handle string, err error) {
	t, err := c.telling(ctx, p, to)
	switch {
	case err != nil:
		return r.Handle, err
	case r.Kind == platform.ReportComment:
		return t.comment(ctx, r)
	case r.Kind == platform.ReportDeployment && r.State == platform.ReportInactive:
		return "", t.retire(ctx, r)
	case r.Kind == platform.ReportDeployment:
		return t.deployment(ctx, r)
	}
	_, err = t.ask(ctx, t.dialect.status(t.site, r))
	return "", err
}

// telling is the requests of one report.
type telling struct {
	client     *Client
	site       site
	dialect    dialect
	credential remote.Credential
}

func (c *Client) telling(ctx context.Context, p Provider, to remote.Repository) (*telling, error) {
	sites, err := newSites(p, to.URL)
	if err != nil {
		return nil, err
	}
	t := &telling{client: c, site: sites[0], dialect: dialects()[p], credential: to.Credential}
	if len(sites) == 1 {
		return t, nil
	}
	return t, t.locate(ctx, to.URL, sites)
}

// locate finds out at which of several sites the repository is; when none says so, the first one stays.
func (t *telling) locate(ctx context.Context, address string, sites []site) error {
	t.client.mu.Lock()
	known, ok := t.client.places[address]
	t.client.mu.Unlock()
	if ok {
		t.site = known
		return nil
	}
	for _, t.site = range sites {
		name, err := t.ask(ctx, t.dialect.self(t.site))
		var network *url.Error
		if errors.As(err, &network) {
			return err
		}
		if want, _ := url.PathUnescape(t.site.name); err == nil && strings.EqualFold(name, want) {
			t.client.mu.Lock()
			t.client.places[address] = t.site
			t.client.mu.Unlock()
			return nil
		}
	}
	t.site = sites[0]
	return nil
}

// comment changes the comment that is there; one that somebody has deleted is made again.
func (t *telling) comment(ctx context.Context, r platform.Report) (string, error) {
	r.Text += "\n\n" + marker(r).hidden()
	if r.Handle == "" {
		found, err := t.find(ctx, r)
		if r.Handle = found; err != nil || found == "" {
			return t.make(ctx, r, err)
		}
	}
	change := t.dialect.comment(t.site, r)
	err := t.addVersion(ctx, r, &change)
	if err == nil {
		_, err = t.ask(ctx, change)
	}
	var refused *RefusedError
	if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusGone) {
		r.Handle = ""
		return t.make(ctx, r, nil)
	}
	return r.Handle, err
}

// make makes a comment, unless err kept from looking whether it is there.
func (t *telling) make(ctx context.Context, r platform.Report, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return t.ask(ctx, t.dialect.comment(t.site, r))
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
		r.Handle, err = t.first(ctx, t.dialect.deployments(t.site, r), marker(r))
		if err == nil && r.Handle == "" {
			r.Handle, err = t.ask(ctx, t.dialect.deployment(t.site, r))
		}
		if err != nil {
			return "", err
		}
	}
	_, err = t.ask(ctx, t.dialect.outcome(t.site, r))
	return r.Handle, err
}

// ask makes one request, and returns the handle that its answer has.
func (t *telling) ask(ctx context.Context, c call) (handle string, err error) {
	body, err := t.exchange(ctx, c, maxAnswer)
	if err != nil || body == nil {
		return "", err
	}
	return handleIn(body, c.handle)
}

// exchange makes one request, and returns the answer as far as limit; nil when it says that this is known already.
func (t *telling) exchange(ctx context.Context, c call, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	request, err := t.request(ctx, c)
	if err != nil {
		return nil, err
	}
	answer, err := t.client.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", t.site.api.Host, err)
	}
	if answer.StatusCode/100 != 2 {
		if t.dialect.told != nil && t.dialect.told(answer.StatusCode, body) {
			return nil, nil
		}
		return nil, t.refused(answer, body)
	}
	return body, nil
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
