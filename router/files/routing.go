package files

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"

	"csph/platform"
)

// Routing is how a site is served beyond its files (SPEC section 3, run.routing).
type Routing struct {
	// Fallback is the file that answers paths that mean no file, such as /index.html of a single-page
	// app; empty: they are not found, which 404.html may say.
	Fallback string `json:"fallback,omitempty"`
	// CORS is the origin that may use the site from scripts, or *; empty: no other.
	CORS      string     `json:"cors,omitempty"`
	Redirects []Redirect `json:"redirects,omitempty"` // the first that matches counts
	Headers   []Header   `json:"headers,omitempty"`   // all that match count, the last of a name
}

// Redirect answers paths that match From with To: by a redirect where Status is set, else with what is
// at To.
type Redirect struct {
	From          string `json:"from"` // a path, or the beginning of one and *
	To            string `json:"to"`
	Status        int    `json:"status,omitempty"` // 301, 302, 303, 307 or 308
	PreservePath  bool   `json:"preserve_path,omitempty"`
	PreserveQuery bool   `json:"preserve_query,omitempty"`
}

// Header adds fields to answers for paths that match For.
type Header struct {
	For    string            `json:"for"` // as Redirect.From
	Values map[string]string `json:"values"`
}

// check refuses what could not be served as it is written.
func (r *Routing) check() error {
	for i, d := range r.Redirects {
		switch {
		case !strings.HasPrefix(d.From, "/"):
			return fmt.Errorf("%w: redirects[%d].from: %q does not start with /", platform.ErrInvalid, i, d.From)
		case d.Status == 0 && !strings.HasPrefix(d.To, "/"):
			return fmt.Errorf("%w: redirects[%d].to: %q is no path of the site; add a status", platform.ErrInvalid, i, d.To)
		case d.Status != 0 && (d.Status < 301 || d.Status > 308 || http.StatusText(d.Status) == "" || d.Status >= 304 && d.Status <= 306):
			return fmt.Errorf("%w: redirects[%d].status: %d is none of 301, 302, 303, 307 and 308", platform.ErrInvalid, i, d.Status)
		case d.To == "" || !httpguts.ValidHeaderFieldValue(d.To):
			return fmt.Errorf("%w: redirects[%d].to: %q is no address", platform.ErrInvalid, i, d.To)
		}
	}
	for i, h := range r.Headers {
		if !strings.HasPrefix(h.For, "/") {
			return fmt.Errorf("%w: headers[%d].for: %q does not start with /", platform.ErrInvalid, i, h.For)
		}
		for name, value := range h.Values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) || framing(name) {
				return fmt.Errorf("%w: headers[%d].values: %q: %q cannot be a header", platform.ErrInvalid, i, name, value)
			}
		}
	}
	if !httpguts.ValidHeaderFieldValue(r.CORS) {
		return fmt.Errorf("%w: cors: %q cannot be a header's value", platform.ErrInvalid, r.CORS)
	}
	return nil
}

// framing reports whether a field says where a body ends, which is not the site's to say.
func framing(name string) bool {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", "Keep-Alive", "Te":
		return true
	}
	return false
}

// match reports whether path matches pattern, and what of it the * stands for.
func match(pattern, path string) (rest string, ok bool) {
	prefix, wild := strings.CutSuffix(pattern, "*")
	if !wild {
		return "", path == pattern
	}
	return strings.CutPrefix(path, prefix)
}

// redirect returns the rule for path and where it leads.
func (r *Routing) redirect(path, query string) (rule *Redirect, to string) {
	for i := range r.Redirects {
		d := &r.Redirects[i]
		rest, ok := match(d.From, path)
		if !ok {
			continue
		}
		to := d.To
		if d.PreservePath {
			to += escaped(rest)
		}
		if d.PreserveQuery && query != "" {
			mark := "?"
			if strings.Contains(to, "?") {
				mark = "&"
			}
			to += mark + query
		}
		return d, to
	}
	return nil, ""
}

// escaped leaves nothing in a path that could end a header line.
func escaped(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>\^{|}%?#`+"`", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// decorate sets the fields of all rules for path.
func (r *Routing) decorate(h http.Header, path string) {
	if r.CORS != "" {
		h.Set("Access-Control-Allow-Origin", r.CORS)
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "*")
		h.Set("Access-Control-Expose-Headers", "*")
		if r.CORS != "*" {
			h.Add("Vary", "Origin")
		}
	}
	for _, x := range r.Headers {
		if _, ok := match(x.For, path); ok {
			for name, value := range x.Values {
				h.Set(name, value)
			}
		}
	}
}
