package files

import (
	"fmt"
	"net/http"
	"strings"

	"csph/platform"
)

// match reports whether path matches pattern, and what of it the * stands for.
func match(pattern, path string) (rest string, ok bool) {
	prefix, wild := strings.CutSuffix(pattern, "*")
	if !wild {
		return "", path == pattern
	}
	return strings.CutPrefix(path, prefix)
}

// redirect returns the rule for path and where it leads.
func (s *Site) redirect(path, query string) (rule *platform.SiteRedirect, to string) {
	for i := range s.config.Redirects {
		d := &s.config.Redirects[i]
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
func (s *Site) decorate(h http.Header, path string) {
	if cors := s.config.CORS; cors != "" {
		h.Set("Access-Control-Allow-Origin", cors)
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "*")
		h.Set("Access-Control-Expose-Headers", "*")
		if cors != "*" {
			h.Add("Vary", "Origin")
		}
	}
	for _, x := range s.config.Headers {
		if _, ok := match(x.For, path); ok {
			for name, value := range x.Values {
				h.Set(name, value)
			}
		}
	}
}
