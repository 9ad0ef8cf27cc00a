package files

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// send answers with a file, in the best coding that the client takes. Ranges are those of the plain file.
func (s *Site) send(w http.ResponseWriter, q *http.Request, f *file) {
	h := w.Header()
	tag, err := s.kept.tag(f)
	if err != nil {
		plain(w, q, http.StatusInternalServerError)
		return
	}
	setDefault(h, "Content-Type", contentType(f.name))
	setDefault(h, "Cache-Control", s.caching(f.name))
	if !compressible(f) {
		h.Set("ETag", `"`+tag+`"`)
		http.ServeContent(w, q, f.name, f.info.ModTime(), f)
		return
	}
	h.Add("Vary", "Accept-Encoding")
	coding := choose(q.Header.Values("Accept-Encoding"))
	if coding == identity || q.Header.Get("Range") != "" {
		h.Set("ETag", `"`+tag+`"`)
		http.ServeContent(w, q, f.name, f.info.ModTime(), f)
		return
	}
	body, err := s.kept.coded(f, tag, coding)
	if err != nil {
		plain(w, q, http.StatusInternalServerError)
		return
	}
	h.Set("ETag", `"`+tag+"-"+string(coding)+`"`)
	h.Set("Content-Encoding", string(coding))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	http.ServeContent(w, q, f.name, f.info.ModTime(), bytes.NewReader(body))
}

// page answers with a file as it is, and a status.
func (s *Site) page(w http.ResponseWriter, q *http.Request, f *file, status int) {
	h := w.Header()
	setDefault(h, "Content-Type", contentType(f.name))
	setDefault(h, "Cache-Control", "no-cache")
	h.Set("Content-Length", strconv.FormatInt(f.info.Size(), 10))
	w.WriteHeader(status)
	if q.Method != http.MethodHead {
		_, _ = io.Copy(w, f)
	}
}

// answer answers with a text.
func answer(w http.ResponseWriter, q *http.Request, status int, kind, body string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if q.Method != http.MethodHead {
		_, _ = io.WriteString(w, body)
	}
}

func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}

// caching is how long a file may be used without asking.
func (s *Site) caching(name string) string {
	if s.lasting("/" + strings.TrimPrefix(name, "/")) {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// hashed are the names that change with their content, as bundlers give them: an id before the extension.
var hashed = regexp.MustCompile(`[.-][0-9a-f]{8,}\.[0-9a-z]+$`)

// lasting reports whether what is at a path never changes.
func (s *Site) lasting(at string) bool {
	return hashed.MatchString(at) || slices.ContainsFunc(s.config.Immutable, func(folder string) bool { return strings.HasPrefix(at, folder) })
}

// list answers with the names in a folder; false where there is no folder to list.
func (s *Site) list(w http.ResponseWriter, q *http.Request, at string) bool {
	name, ok := nameOf(at)
	if !ok {
		return false
	}
	f, err := s.root.Open(path.Join(".", name))
	if err != nil {
		return false
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return false
	}
	if !strings.HasSuffix(at, "/") {
		w.Header().Set("Location", escaped(path.Clean("/"+at))+"/"+withQuery(q))
		plain(w, q, http.StatusMovedPermanently)
		return true
	}
	var names []string
	for _, e := range entries {
		switch {
		case hidden(e.Name()):
		case e.IsDir():
			names = append(names, e.Name()+"/")
		default:
			names = append(names, e.Name())
		}
	}
	setDefault(w.Header(), "Cache-Control", "no-cache")
	answer(w, q, http.StatusOK, "text/html; charset=utf-8", listing(path.Clean("/"+at), names))
	return true
}

// listing is the page of a folder.
func listing(folder string, names []string) string {
	slices.Sort(names)
	if folder != "/" {
		names = append([]string{"../"}, names...)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<meta charset=\"utf-8\">\n<title>%s</title>\n<h1>%[1]s</h1>\n<ul>\n", html.EscapeString(folder))
	for _, name := range names {
		fmt.Fprintf(&b, "<li><a href=\"%s\">%s</a>\n", html.EscapeString((&url.URL{Path: "./" + name}).String()), html.EscapeString(name))
	}
	b.WriteString("</ul>\n")
	return b.String()
}
