package files

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"csph/platform"
)

// site is a folder with the files given, served.
func site(t testing.TB, config platform.Site, files map[string]string) *Site {
	t.Helper()
	dir := t.TempDir()
	config.Root = dir
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(at, time.Unix(1_000_000_000, 0), time.Unix(1_000_000_000, 0)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ask sends a request with fields given as names and values in turn.
func ask(s *Site, method, url string, fields ...string) (*http.Response, string) {
	q := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(fields); i += 2 {
		q.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, q)
	return w.Result(), w.Body.String()
}

func TestAPathMeansAFileItsPageOrTheIndexOfAFolder(t *testing.T) {
	s := site(t, platform.Site{}, map[string]string{
		"index.html": "home", "about.html": "about", "docs/index.html": "docs", "a b/ü.txt": "odd", "404.html": "lost",
		".env": "secret", ".well-known/x": "known", "docs/.git/config": "secret", "only/x.txt": "x",
	})
	for _, c := range []struct {
		url, want, location string
		status              int
	}{
		{"/", "home", "", 200}, {"/index.html", "home", "", 200}, {"/about", "about", "", 200}, {"/about.html", "about", "", 200},
		{"/docs/", "docs", "", 200}, {"/docs?a=b", "301 Moved Permanently\n", "/docs/?a=b", 301}, {"/a%20b/%C3%BC.txt", "odd", "", 200},
		{"/nothing", "lost", "", 404}, {"/only", "lost", "", 404}, {"/only/", "lost", "", 404}, {"/.env", "lost", "", 404},
		{"/.well-known/x", "known", "", 200}, {"/docs/.git/config", "lost", "", 404}, {"/docs/../.env", "lost", "", 404},
		{"/..%2f..%2f..%2fetc/passwd", "lost", "", 404}, {"/about.html/", "lost", "", 404}, {"/a%00b", "lost", "", 404},
		{"/..%0d%0aX:%20y", "lost", "", 404},
	} {
		resp, body := ask(s, "GET", c.url)
		if resp.StatusCode != c.status || body != c.want || resp.Header.Get("Location") != c.location {
			t.Errorf("%s: %d %q to %q", c.url, resp.StatusCode, body, resp.Header.Get("Location"))
		}
	}
}

func TestNothingOutsideOfTheSiteIsServedWhateverLinksAreInIt(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := site(t, platform.Site{}, map[string]string{"real.txt": "real"})
	for name, to := range map[string]string{"out.txt": outside, "up": "..", "in.txt": "real.txt", "dev": "/dev/zero"} {
		if err := os.Symlink(to, filepath.Join(s.root.Name(), name)); err != nil {
			t.Fatal(err)
		}
	}
	for url, want := range map[string]int{"/out.txt": 404, "/up/": 404, "/up/secret": 404, "/dev": 404, "/in.txt": 200} {
		if resp, body := ask(s, "GET", url); resp.StatusCode != want || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %q", url, resp.StatusCode, body)
		}
	}
}

func TestASinglePageAppAnswersItsOwnPathsButNotForLostAssets(t *testing.T) {
	s := site(t, platform.Site{Fallback: "/index.html", Immutable: []string{"/assets/"}}, map[string]string{"index.html": "app", "assets/here.js": "app"})
	for url, want := range map[string]int{"/users/7": 200, "/": 200, "/app-0123abcd.js": 404, "/assets/lost.js": 404, "/assets/here.js": 200} {
		if resp, body := ask(s, "GET", url); resp.StatusCode != want || want == 200 && body != "app" {
			t.Errorf("%s: %d %q", url, resp.StatusCode, body)
		}
	}
}

func TestANewSphereletThatServesASiteIsAskedForItsHealth(t *testing.T) {
	for name, c := range map[string]struct {
		s    *Site
		want string
	}{
		"pages":        {site(t, platform.Site{}, map[string]string{"404.html": "lost"}), "200 OK\n"},
		"an app":       {site(t, platform.Site{Fallback: "/index.html"}, map[string]string{"index.html": "app"}), "200 OK\n"},
		"without one":  {site(t, platform.Site{Fallback: "/index.html"}, nil), "200 OK\n"},
		"its own file": {site(t, platform.Site{}, map[string]string{"healthz": "mine"}), "mine"},
	} {
		if resp, body := ask(c.s, "GET", HealthPath); resp.StatusCode != 200 || body != c.want {
			t.Errorf("%s: %d %q", name, resp.StatusCode, body)
		}
	}
	if resp, _ := ask(site(t, platform.Site{Fallback: "/index.html"}, nil), "GET", "/users/7"); resp.StatusCode != 404 {
		t.Errorf("an app without a page: %d", resp.StatusCode)
	}
}

func TestFilesAreCachedByNameAndCheckedByContent(t *testing.T) {
	text := strings.Repeat("body { color: red }\n", 200)
	s := site(t, platform.Site{Immutable: []string{"/assets/"}}, map[string]string{"a.css": text, "app-0123abcd.js": "x", "assets/index-Cz_owlYa.js": "x", "b.css": strings.Repeat("body { color: tan }\n", 200)})
	resp, _ := ask(s, "GET", "/a.css")
	tag := resp.Header.Get("ETag")
	if resp.Header.Get("Cache-Control") != "no-cache" || tag == "" || resp.Header.Get("Last-Modified") != "Sun, 09 Sep 2001 01:46:40 GMT" {
		t.Errorf("header %v", resp.Header)
	}
	if other, _ := ask(s, "GET", "/b.css"); other.Header.Get("ETag") == tag {
		t.Error("two files of the same size and time have the same tag")
	}
	if resp, body := ask(s, "GET", "/a.css", "If-None-Match", tag); resp.StatusCode != 304 || body != "" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	if resp, _ := ask(s, "GET", "/a.css", "If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT"); resp.StatusCode != 304 {
		t.Errorf("status %d", resp.StatusCode)
	}
	for _, url := range []string{"/app-0123abcd.js", "/assets/index-Cz_owlYa.js"} {
		if resp, _ := ask(s, "GET", url); resp.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: header %v", url, resp.Header)
		}
	}
	if err := os.WriteFile(filepath.Join(s.root.Name(), "a.css"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if resp, body := ask(s, "GET", "/a.css", "If-None-Match", tag); resp.StatusCode != 200 || body != "other" {
		t.Errorf("after a change: %d %q", resp.StatusCode, body)
	}
}

func TestRangesAreOfThePlainFile(t *testing.T) {
	text := strings.Repeat("0123456789", 1000)
	s := site(t, platform.Site{}, map[string]string{"a.txt": text})
	for _, c := range []struct {
		ask, want, content string
		status             int
	}{
		{"bytes=0-4", "01234", "bytes 0-4/10000", 206}, {"bytes=-3", "789", "bytes 9997-9999/10000", 206},
		{"bytes=9998-", "89", "bytes 9998-9999/10000", 206}, {"bytes=20000-", "", "bytes */10000", 416},
	} {
		resp, body := ask(s, "GET", "/a.txt", "Range", c.ask, "Accept-Encoding", "gzip, zstd")
		if resp.StatusCode != c.status || resp.Header.Get("Content-Range") != c.content || c.status == 206 && body != c.want || resp.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %q %v", c.ask, resp.StatusCode, body, resp.Header)
		}
	}
}

func TestBodiesAreCompressedWhereTheClientTakesIt(t *testing.T) {
	text := strings.Repeat("let x = 1;\n", 1000)
	s := site(t, platform.Site{}, map[string]string{"a.js": text, "a.png": text, "small.js": "let x"})
	plainTag := ""
	for _, c := range []struct{ url, accept, want string }{
		{"/a.js", "", ""}, {"/a.js", "gzip", "gzip"}, {"/a.js", "gzip, zstd", "zstd"}, {"/a.js", "zstd;q=0.5, gzip", "gzip"},
		{"/a.js", "gzip;q=0", ""}, {"/a.js", "br", ""}, {"/a.js", "*", "zstd"}, {"/a.js", "*, zstd;q=0", "gzip"}, {"/a.js", "gzip;q=nonsense", ""},
		{"/a.png", "gzip, zstd", ""}, {"/small.js", "gzip, zstd", ""},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			resp, body := ask(s, method, c.url, "Accept-Encoding", c.accept)
			if got := resp.Header.Get("Content-Encoding"); got != c.want {
				t.Errorf("%s %s: coding %q, want %q", c.url, c.accept, got, c.want)
			}
			if c.url != "/a.js" {
				continue
			}
			if c.want == "" {
				plainTag = resp.Header.Get("ETag")
			} else if resp.Header.Get("ETag") == plainTag {
				t.Errorf("%s: the tag is that of the plain file", c.accept)
			}
			if resp.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: Vary %q", c.accept, resp.Header.Get("Vary"))
			}
			if method == "GET" && decode(t, body, c.want) != text {
				t.Errorf("%s: another text", c.accept)
			}
		}
	}
	resp, _ := ask(s, "GET", "/a.js", "Accept-Encoding", "zstd")
	if again, body := ask(s, "GET", "/a.js", "Accept-Encoding", "zstd", "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != 304 || body != "" {
		t.Errorf("%d %q", again.StatusCode, body)
	}
}

func decode(t *testing.T, body, how string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch how {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRedirectsHeadersAndCORSAreAsTheRoutingSays(t *testing.T) {
	s := site(t, platform.Site{
		CORS: "*",
		Redirects: []platform.SiteRedirect{
			{From: "/old", To: "/new", Status: 301}, {From: "/blog/*", To: "https://blog.example.test/", Status: 302, PreservePath: true, PreserveQuery: true},
			{From: "/app/*", To: "/index.html"}, {From: "/all/*", To: "/x?a=b", Status: 307, PreserveQuery: true},
		},
		Headers: []platform.SiteHeader{{For: "/*", Values: map[string]string{"X-Frame-Options": "DENY"}}, {For: "/index.html", Values: map[string]string{"Cache-Control": "no-store"}}},
	}, map[string]string{"index.html": "home"})
	for _, c := range []struct {
		url, location, body string
		status              int
	}{
		{"/old?x=y", "/new", "", 301}, {"/blog/2024/a%0d%0ab?x=y", "https://blog.example.test/2024/a%0D%0Ab?x=y", "", 302}, {"/app/deep/path", "", "home", 200},
		{"/all/x?c=d", "/x?a=b&c=d", "", 307}, {"/index.html", "", "home", 200},
	} {
		resp, body := ask(s, "GET", c.url)
		if resp.StatusCode != c.status || resp.Header.Get("Location") != c.location || c.body != "" && body != c.body {
			t.Errorf("%s: %d to %q, %q", c.url, resp.StatusCode, resp.Header.Get("Location"), body)
		}
		if resp.Header.Get("X-Frame-Options") != "DENY" || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", c.url, resp.Header)
		}
	}
	if resp, _ := ask(s, "GET", "/index.html"); resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("header %v", resp.Header)
	}
	if resp, _ := ask(s, "OPTIONS", "/index.html"); resp.StatusCode != 204 || resp.Header.Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp, _ := ask(s, "POST", "/index.html"); resp.StatusCode != 405 || resp.Header.Get("Allow") == "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

func TestASiteThatCannotBeServedIsRefused(t *testing.T) {
	if _, err := Open(platform.Site{Root: t.TempDir(), CORS: "*\r\nX: y"}); !errors.Is(err, platform.ErrInvalid) {
		t.Errorf("error %v", err)
	}
	if _, err := Open(platform.Site{Root: filepath.Join(t.TempDir(), "missing")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestFoldersAreListedWhereTheSiteWantsIt(t *testing.T) {
	s := site(t, platform.Site{Listing: true}, map[string]string{"a&b.txt": "x", "d/e f.txt": "y", "d/.env": "secret", "i/index.htm": "own", ".git/x": "secret"})
	resp, body := ask(s, "GET", "/")
	if resp.StatusCode != 200 || !strings.Contains(body, `<a href="./a&amp;b.txt">a&amp;b.txt</a>`) || strings.Contains(body, "git") || strings.Contains(body, "../") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if _, body := ask(s, "GET", "/d/"); !strings.Contains(body, `"./e%20f.txt"`) || !strings.Contains(body, "../") || strings.Contains(body, "env") {
		t.Errorf("got %s", body)
	}
	for url, want := range map[string]int{"/d": 301, "/i/": 200, "/nothing/": 404, "/.git/": 404, "/a&b.txt/": 404} {
		if resp, body := ask(s, "GET", url); resp.StatusCode != want || url == "/i/" && body != "own" {
			t.Errorf("%s: %d %q", url, resp.StatusCode, body)
		}
	}
	if resp, _ := ask(site(t, platform.Site{}, map[string]string{"a.txt": "x"}), "GET", "/"); resp.StatusCode != 404 {
		t.Errorf("a site that wants no lists: %d", resp.StatusCode)
	}
}

func TestLargeFilesAreKnownByTheirEnds(t *testing.T) {
	s := site(t, platform.Site{}, map[string]string{"a.bin": "", "b.bin": ""})
	tags := map[string]bool{}
	for name, end := range map[string]string{"a.bin": "x", "b.bin": "y"} {
		f, err := os.OpenFile(filepath.Join(s.root.Name(), name), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte(end), largestRead); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Close(), os.Chtimes(f.Name(), time.Unix(1, 0), time.Unix(1, 0))); err != nil {
			t.Fatal(err)
		}
		resp, body := ask(s, "GET", "/"+name, "Range", "bytes=-1")
		if resp.StatusCode != 206 || body != end {
			t.Errorf("%s: %d %q", name, resp.StatusCode, body)
		}
		tags[resp.Header.Get("ETag")] = true
	}
	if len(tags) != 2 {
		t.Errorf("tags %v", tags)
	}
}

func TestABodyIsCompressedOnceHoweverManyAsk(t *testing.T) {
	s := site(t, platform.Site{}, map[string]string{"a.js": strings.Repeat("let x = 1;\n", 100_000)})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if resp, _ := ask(s, "GET", "/a.js", "Accept-Encoding", "gzip"); resp.StatusCode != 200 || resp.Header.Get("Content-Encoding") != "gzip" {
				t.Errorf("%d %v", resp.StatusCode, resp.Header)
			}
		})
	}
	all.Wait()
	if n := s.kept.order.Len(); n != 1 || s.kept.bytes == 0 || len(s.kept.making) != 0 {
		t.Errorf("%d bodies, %d bytes, %d being made", n, s.kept.bytes, len(s.kept.making))
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	c := newCache()
	for i := range 40 {
		c.keep(string(rune('a'+i)), &making{done: make(chan struct{}), body: make([]byte, 1<<20)})
	}
	if c.bytes > keptBytes || len(c.bodies) != c.order.Len() || c.order.Len() != keptBytes>>20 {
		t.Errorf("%d bytes in %d bodies of %d", c.bytes, c.order.Len(), len(c.bodies))
	}
	if _, ok := c.bodies["a"]; ok {
		t.Error("the oldest is still there")
	}
}

// FuzzPath holds that no path leads out of the site or to a hidden file, and that no header is broken by one.
func FuzzPath(f *testing.F) {
	s := site(f, platform.Site{Listing: true, Redirects: []platform.SiteRedirect{{From: "/r/*", To: "/", Status: 301, PreservePath: true, PreserveQuery: true}}},
		map[string]string{"index.html": "public", "d/index.html": "public", ".secret": "secret", "d/.secret/x": "secret"})
	for _, p := range []string{"/", "/d", "/../x", "/.secret", "/d/./../.secret", "/r/a\r\nb", "//d//", "/d\x00"} {
		f.Add(p, "gzip;q=1, *;q=0")
	}
	f.Fuzz(func(t *testing.T, path, accept string) {
		q := httptest.NewRequest("GET", "/", nil)
		q.URL.Path = path
		q.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, q)
		if bytes.Contains(w.Body.Bytes(), []byte("secret")) {
			t.Fatalf("%q: %q", path, w.Body)
		}
		if strings.ContainsAny(w.Result().Header.Get("Location"), "\r\n") {
			t.Fatalf("%q: %q", path, w.Result().Header.Get("Location"))
		}
	})
}
