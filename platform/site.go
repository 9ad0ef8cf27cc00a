package platform

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
)

// Site is how a folder of files is served (SPEC section 3: static sites, run.routing).
type Site struct {
	Root string `json:"root"` // the folder, absolute
	// Fallback is the file that answers paths that mean no file, such as /index.html of a single-page
	// app; empty: they are not found, which 404.html may say.
	Fallback string `json:"fallback,omitempty"`
	Listing  bool   `json:"listing,omitempty"` // folders without an index list their files
	// Immutable are the beginnings of paths of files whose content never changes, such as /assets/.
	Immutable []string `json:"immutable,omitempty"`
	// CORS is the origin that may use the site from scripts, or *; empty: no other.
	CORS      string         `json:"cors,omitempty"`
	Redirects []SiteRedirect `json:"redirects,omitempty"` // the first that matches counts
	Headers   []SiteHeader   `json:"headers,omitempty"`   // all that match count, the last of a name
}

// SiteRedirect answers paths that match From with To: by a redirect where Status is set, else with what
// is at To.
type SiteRedirect struct {
	From          string `json:"from"` // a path, or the beginning of one and *
	To            string `json:"to"`
	Status        int    `json:"status,omitempty"` // 301, 302, 303, 307 or 308
	PreservePath  bool   `json:"preserve_path,omitempty"`
	PreserveQuery bool   `json:"preserve_query,omitempty"`
}

// SiteHeader adds fields to answers for paths that match For.
type SiteHeader struct {
	For    string            `json:"for"` // as SiteRedirect.From
	Values map[string]string `json:"values"`
}

// Check refuses what could not be served as it is written, with ErrInvalid.
func (s Site) Check() error {
	for i, d := range s.Redirects {
		if problem := d.problem(); problem != "" {
			return fmt.Errorf("%w: redirects[%d]: %s", ErrInvalid, i, problem)
		}
	}
	for i, h := range s.Headers {
		if problem := h.problem(); problem != "" {
			return fmt.Errorf("%w: headers[%d]: %s", ErrInvalid, i, problem)
		}
	}
	if !fieldValue(s.CORS) {
		return fmt.Errorf("%w: cors: %q cannot be a header's value", ErrInvalid, s.CORS)
	}
	return nil
}

func (d SiteRedirect) problem() string {
	switch {
	case !strings.HasPrefix(d.From, "/"):
		return fmt.Sprintf("from: %q does not start with /", d.From)
	case d.Status == 0 && !strings.HasPrefix(d.To, "/"):
		return fmt.Sprintf("to: %q is no path of the site; add a status", d.To)
	case d.Status != 0 && !redirecting(d.Status):
		return fmt.Sprintf("status: %d is none of 301, 302, 303, 307 and 308", d.Status)
	case d.To == "" || !fieldValue(d.To):
		return fmt.Sprintf("to: %q is no address", d.To)
	}
	return ""
}

func redirecting(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

func (h SiteHeader) problem() string {
	if !strings.HasPrefix(h.For, "/") {
		return fmt.Sprintf("for: %q does not start with /", h.For)
	}
	for name, value := range h.Values {
		if !fieldName(name) || !fieldValue(value) || framing(name) {
			return fmt.Sprintf("values: %q: %q cannot be a header", name, value)
		}
	}
	return ""
}

// fieldName reports whether s is a token (RFC 9110 section 5.6.2).
func fieldName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if !('a' <= c && c <= 'z') && !('0' <= s[i] && s[i] <= '9') && !strings.Contains("!#$%&'*+-.^_`|~", s[i:i+1]) {
			return false
		}
	}
	return s != ""
}

// fieldValue reports whether s can be the value of a header (RFC 9110 section 5.5).
func fieldValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// framing reports whether a field says where a body ends or how it is coded, which is not the site's to say.
func framing(name string) bool {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Content-Length", "Content-Encoding", "Content-Range", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", "Keep-Alive", "Te":
		return true
	}
	return false
}
