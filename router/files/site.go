package files

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"

	"csph/platform"
)

// Site serves a folder. It is an http.Handler.
type Site struct {
	root   *os.Root
	config platform.Site
	kept   *cache
}

// Open returns the site of a folder; Close must be called. The error is platform.ErrInvalid for a site
// that cannot be served as it is written.
func Open(config platform.Site) (*Site, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(config.Root)
	if err != nil {
		return nil, fmt.Errorf("open the site: %w", err)
	}
	return &Site{root: root, config: config, kept: newCache()}, nil
}

// Close lets go of the folder. Requests in flight may fail.
func (s *Site) Close() error { return s.root.Close() }

// HealthPath answers 200 where the site has no file of this name: it is what csph asks new spherelets for.
const HealthPath = "/healthz"

// ServeHTTP answers one request. It reads no body.
func (s *Site) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	at := q.URL.Path
	s.decorate(h, at)
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
	rule, to := s.redirect(at, q.URL.RawQuery)
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
	if errors.Is(err, fs.ErrNotExist) {
		if s.config.Listing && s.list(w, q, at) {
			return
		}
		f, err = s.instead(at)
	}
	switch {
	case errors.Is(err, errFolder):
		w.Header().Set("Location", escaped(path.Clean("/"+at))+"/"+withQuery(q)) // never //host
		plain(w, q, http.StatusMovedPermanently)
		return
	case errors.Is(err, fs.ErrNotExist) && at == HealthPath:
		plain(w, q, http.StatusOK)
		return
	case errors.Is(err, fs.ErrNotExist):
		s.notFound(w, q)
		return
	case err != nil:
		plain(w, q, http.StatusInternalServerError)
		return
	}
	defer f.Close()
	s.send(w, q, f)
}

// instead is the file that answers for one that is not there. An asset that is lost is never the page of an app.
func (s *Site) instead(at string) (*file, error) {
	if s.config.Fallback == "" || s.lasting(at) || at == HealthPath {
		return nil, fs.ErrNotExist
	}
	return s.open(s.config.Fallback)
}

func withQuery(q *http.Request) string {
	if q.URL.RawQuery == "" {
		return ""
	}
	return "?" + q.URL.RawQuery
}

// file is an open file of the site.
type file struct {
	*os.File
	name string
	info fs.FileInfo
}

// errFolder is the error for the path of a folder, without the slash at its end.
var errFolder = errors.New("a folder")

// indexes are the files that a folder stands for, the first that is there.
var indexes = []string{"index.html", "index.htm"}

// find opens the file that a path means: the file itself, with .html added, or the index of a folder.
func (s *Site) find(at string) (*file, error) {
	name, ok := nameOf(at)
	if !ok {
		return nil, fs.ErrNotExist
	}
	if name == "" || strings.HasSuffix(at, "/") {
		return s.index(name)
	}
	f, err := s.open(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if f, err = s.open(name + ".html"); !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	index, err := s.index(name)
	if err != nil {
		return nil, err
	}
	return nil, errors.Join(errFolder, index.Close())
}

// nameOf is the name in the site that a path means; false for what is not served.
func nameOf(at string) (string, bool) {
	name := strings.TrimPrefix(path.Clean("/"+at), "/")
	return name, !hidden(name) && strings.IndexByte(at, 0) < 0
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

func (s *Site) index(folder string) (*file, error) {
	for _, name := range indexes {
		if f, err := s.open(path.Join(folder, name)); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, fs.ErrNotExist
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

// notFound answers with the site's own page, if it has one.
func (s *Site) notFound(w http.ResponseWriter, q *http.Request) {
	f, err := s.open("404.html")
	if err != nil {
		plain(w, q, http.StatusNotFound)
		return
	}
	defer f.Close()
	s.page(w, q, f, http.StatusNotFound)
}

// plain answers with a status and its name.
func plain(w http.ResponseWriter, q *http.Request, status int) {
	answer(w, q, status, "text/plain; charset=utf-8", strconv.Itoa(status)+" "+http.StatusText(status)+"\n")
}
