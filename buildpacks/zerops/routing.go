package zerops

import (
	"path"
	"strings"

	"csph/platform"
)

// Routing is how a static site is served.
type Routing struct {
	Root      string     `json:"root,omitempty"`
	CORS      string     `json:"cors,omitempty"` // an allowed origin as nginx writes it: "'*' always"
	Redirects []Redirect `json:"redirects,omitempty"`
	Headers   []Header   `json:"headers,omitempty"`
}

// Redirect answers From with To: by a redirect where Status is set, else by what is at To.
type Redirect struct {
	From          string `json:"from"` // may end in *
	To            string `json:"to"`
	Status        int    `json:"status,omitempty"`
	PreservePath  bool   `json:"preserve_path,omitempty"`
	PreserveQuery bool   `json:"preserve_query,omitempty"`
}

// Header adds headers to answers for paths that match For.
type Header struct {
	For    string            `json:"for"`
	Values map[string]string `json:"values"`
}

// Site is what is deployed, served as r says; nil says nothing. Paths that are no file are answered with index.html.
func (r *Routing) Site() platform.Site {
	s := platform.Site{Root: DeployFolder, Fallback: "/index.html"}
	if r == nil {
		return s
	}
	s.Root, s.CORS = path.Join(DeployFolder, r.Root), bareValue(r.CORS)
	for _, d := range r.Redirects {
		s.Redirects = append(s.Redirects, platform.SiteRedirect(d))
	}
	for _, h := range r.Headers {
		values := map[string]string{}
		for name, value := range h.Values {
			values[name] = bareValue(value)
		}
		s.Headers = append(s.Headers, platform.SiteHeader{For: h.For, Values: values})
	}
	return s
}

// bareValue takes off the quotes, and the word always, that the value of a header may be written with in nginx's
// own way.
func bareValue(v string) string {
	v = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), " always"))
	for _, quote := range []string{`'`, `"`} {
		if len(v) >= 2 && strings.HasPrefix(v, quote) && strings.HasSuffix(v, quote) {
			v = v[1 : len(v)-1]
		}
	}
	return v
}

func (r *reader) routing(n *node, path string) *Routing {
	v, before := &Routing{}, len(r.problems)
	r.section(n, path, []field{
		{"root", r.path(&v.Root)},
		{"cors", r.text(&v.CORS)},
		{"redirects", r.each(func(n *node, path string) { v.Redirects = append(v.Redirects, r.redirect(n, path)) })},
		{"headers", r.each(func(n *node, path string) { v.Headers = append(v.Headers, r.header(n, path)) })},
	})
	if err := v.Site().Check(); err != nil && len(r.problems) == before {
		r.report(n, path, "", "%s", strings.TrimPrefix(err.Error(), platform.ErrInvalid.Error()+": "))
	}
	return v
}

func (r *reader) redirect(n *node, path string) Redirect {
	var d Redirect
	r.section(n, path, []field{
		{"from", r.text(&d.From)},
		{"to", r.text(&d.To)},
		{"status", r.integer(&d.Status, 301, 308)},
		{"preservePath", r.boolean(&d.PreservePath)},
		{"preserveQuery", r.boolean(&d.PreserveQuery)},
	})
	r.require(n, path, "from", "to")
	if strings.Contains(d.To, "://") && d.Status == 0 && n.kind == object {
		r.report(n, path, "add status: 301 or 302", "to is another address, which needs a status")
	}
	return d
}

func (r *reader) header(n *node, path string) Header {
	h := Header{Values: map[string]string{}}
	r.section(n, path, []field{
		{"for", r.text(&h.For)},
		{"values", func(n *node, path string) {
			if !r.is(n, path, object) {
				return
			}
			for _, e := range n.entries {
				h.Values[e.key] = r.scalar(e.value, join(path, shorten(e.key)))
			}
		}},
	})
	r.require(n, path, "for", "values")
	return h
}
