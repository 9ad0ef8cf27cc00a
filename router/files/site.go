package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Site serves a folder. It is an http.Handler.
type Site struct {
	root    *os.Root
	routing Routing
	kept    *cache
}

// Open returns the site of a folder; Close must be called. The error is platform.ErrInvalid for a routing
// that cannot be.
func Open(folder string, r Routing) (*Site, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the site: %w", err)
	}
	return &Site{root: root, routing: r, kept: newCache()}, nil
}

// Close lets go of the folder. Requests in flight may fail.
func (s *Site) Close() error { return s.root.Close() }

// ServeHTTP answers one request. It reads no body.
func (s *Site) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	at := q.URL.Path
	s.routing.decorate(h, at)
	switch q.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		plain(w, q, http.StatusMethodNotAllowed)
		return
	}
	rule, to := s.routing.redirect(at, q.URL.RawQuery)
	if rule != nil && rule.Status != 0 {
		h.Set("Location", to)
		plain(w, q, rule.Status)
		return
	}
	if rule != nil {
		at, _, _ = strings.Cut(to, "?")
	}
	s.serve(w, q, at)
}

// serve answers with what is at a path.
func (s *Site) serve(w http.ResponseWriter, q *http.Request, at string) {
	f, err := s.find(at)
	switch {
	case errors.Is(err, errFolder):
		w.Header().Set("Location", escaped(path.Clean("/"+at))+"/"+withQuery(q)) // never //host
		plain(w, q, http.StatusMovedPermanently)
		return
	case errors.Is(err, fs.ErrNotExist) && s.routing.Fallback != "" && !hashed.MatchString(at):
		f, err = s.open(s.routing.Fallback)
	case errors.Is(err, fs.ErrNotExist):
		s.notFound(w, q)
		return
	}
	if err != nil {
		plain(w, q, http.StatusInternalServerError)
		return
	}
	defer f.Close()
	s.send(w, q, f)
}

func withQuery(q *http.Request) string {
	if q.URL.RawQuery == "" {
		return ""
	}
	return "?" + q.URL.RawQuery
}

// notFound answers with the site's own page, if it has one.
func (s *Site) notFound(w http.ResponseWriter, q *http.Request) {
	f, err := s.open("404.html")
	if err != nil {
		plain(w, q, http.StatusNotFound)
		return
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", contentType(f.name))
	h.Set("Content-Length", strconv.FormatInt(f.info.Size(), 10))
	h.Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusNotFound)
	if q.Method != http.MethodHead {
		_, _ = io.Copy(w, f)
	}
}

// plain answers with a status and its name.
func plain(w http.ResponseWriter, q *http.Request, status int) {
	body := strconv.Itoa(status) + " " + http.StatusText(status) + "\n"
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if q.Method != http.MethodHead {
		_, _ = io.WriteString(w, body)
	}
}

// file is an open file of the site.
type file struct {
	*os.File
	name string
	info fs.FileInfo
}

// errFolder is the error for the path of a folder, without the slash at its end.
var errFolder = errors.New("a folder")

// find opens the file that a path means: the file itself, with .html added, or the index of a folder.
func (s *Site) find(at string) (*file, error) {
	name := strings.TrimPrefix(path.Clean("/"+at), "/")
	if hidden(name) || strings.IndexByte(at, 0) >= 0 {
		return nil, fs.ErrNotExist
	}
	if name == "" || strings.HasSuffix(at, "/") {
		return s.open(path.Join(name, "index.html"))
	}
	f, err := s.open(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if f, err = s.open(name + ".html"); !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	index, err := s.open(path.Join(name, "index.html"))
	if err != nil {
		return nil, err
	}
	return nil, errors.Join(errFolder, index.Close())
}

// hidden reports whether a part of the name starts with a dot; .well-known is for everybody (RFC 8615).
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != ".well-known" {
			return true
		}
	}
	return false
}

// open opens a regular file; anything else, and what a link leads out of the site to, does not exist.
func (s *Site) open(name string) (*file, error) {
	f, err := s.root.Open(strings.TrimPrefix(name, "/"))
	if err != nil {
		return nil, fs.ErrNotExist
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if !info.Mode().IsRegular() {
		return nil, errors.Join(fs.ErrNotExist, f.Close())
	}
	return &file{f, name, info}, nil
}

// hashed are the names that change with their content, as bundlers give them: an id before the extension.
var hashed = regexp.MustCompile(`[.-][0-9a-f]{8,}\.[0-9a-z]+$`)

// send answers with a file, in the best coding that the client takes. Ranges are those of the plain file.
func (s *Site) send(w http.ResponseWriter, q *http.Request, f *file) {
	h := w.Header()
	tag, err := s.kept.tag(f)
	if err != nil {
		plain(w, q, http.StatusInternalServerError)
		return
	}
	setDefault(h, "Content-Type", contentType(f.name))
	setDefault(h, "Cache-Control", caching(f.name))
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

func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}

// caching is how long a file may be used without asking.
func caching(name string) string {
	if hashed.MatchString(name) {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}
