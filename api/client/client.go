package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"csph/api/wire"
)

// Client speaks to one server. It is safe for concurrent use.
type Client struct {
	base  string // without a slash at the end
	token string
	agent string
	http  *http.Client
}

// requestTimeout bounds a call that is neither an upload nor a stream. Deletions take longest: they wait
// for drain and grace.
const requestTimeout = 5 * time.Minute

// maxAnswer bounds the body of an answer.
const maxAnswer = 64 << 20

// New returns a client of the server at base (http:// or https://, host and port). agent is sent as
// User-Agent. Nothing is asked of the server yet.
func New(base, token, agent string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no URL of a csph server; write http://HOST:PORT or https://HOST", base)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = requestTimeout
	return &Client{
		base: strings.TrimRight(base, "/"), token: token, agent: agent,
		http: &http.Client{Transport: transport},
	}, nil
}

// Base is the URL of the server.
func (c *Client) Base() string { return c.base }

// UnreachableError says that the server did not answer.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string {
	cause := e.Err
	var u *url.Error
	if errors.As(cause, &u) {
		cause = u.Err
	}
	return fmt.Sprintf("the csph server at %s cannot be reached: %v", e.URL, cause)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// pathOf builds a path from a pattern whose {} stand for segments to be escaped.
func pathOf(pattern string, segments ...string) string {
	for _, s := range segments {
		pattern = strings.Replace(pattern, "{}", url.PathEscape(s), 1)
	}
	return pattern
}

// call sends in as JSON (nil: no body) and decodes the answer into out (nil: none).
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.do(r, out)
}

// ask is call for an answer that is a T.
func ask[T any](ctx context.Context, c *Client, method, path string, in any) (out T, err error) {
	err = c.call(ctx, method, path, in, &out)
	return out, err
}

// do sends r and decodes the answer into out.
func (c *Client) do(r *http.Request, out any) error {
	answer, err := c.send(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if out == nil || answer.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("decode answer of %s: %w", c.base, err)
	}
	return nil
}

// send sends r; an answer that is an error is returned as one.
func (c *Client) send(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", c.agent)
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	switch {
	case err != nil && r.Context().Err() != nil && errors.Is(context.Cause(r.Context()), context.Canceled):
		return nil, context.Canceled
	case err != nil:
		return nil, &UnreachableError{URL: c.base, Err: err}
	case answer.StatusCode < http.StatusBadRequest:
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, c.problem(answer)
}

// problem decodes an answer that is an error. One that is none of csph's says so.
func (c *Client) problem(answer *http.Response) error {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")) // "" is another kind too
	p := &wire.Problem{}
	if kind == "application/problem+json" && json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(p) == nil {
		return p
	}
	return fmt.Errorf("%s answered %s, which is not an answer of csph's API; check the URL (CSPH_URL or csph login)", c.base, answer.Status)
}
