package router

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"csph/router/files"
)

// startSite is a router with a site of the files given.
func startSite(t *testing.T, content map[string][]byte) (*bench, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	site, err := files.Open(dir, files.Routing{Fallback: "/index.html"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = site.Close() })
	b, addr := startTLS(t, Config{})
	b.Configure("app", Options{Files: site})
	b.route()
	return b, addr
}

func TestASiteIsServedWithoutATargetOverEveryProtocol(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	b, addr := startSite(t, map[string][]byte{"index.html": []byte("home"), "large.bin": large, "large.js": large})
	for url, c := range map[string]*http.Client{"http://app.test": b.client(), "https://app.test": client2(t, addr)} {
		for path, want := range map[string]string{"/": "home", "/deep/link": "home", "/large.bin": string(large), "/large.js": string(large)} {
			resp, err := c.Get(url + path)
			if err != nil {
				t.Fatal(err)
			}
			if body := readAll(t, resp); resp.StatusCode != 200 || body != want || resp.ContentLength != int64(len(want)) || resp.Header.Get("X-Request-Id") == "" {
				t.Errorf("%s%s: %d, %d bytes of %d, %v", url, path, resp.StatusCode, len(body), len(want), resp.Header)
			}
		}
		req, _ := http.NewRequest("GET", url+"/large.bin", nil)
		req.Header.Set("Range", "bytes=16-31")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, resp); resp.StatusCode != 206 || body != "0123456789abcdef" {
			t.Errorf("%s: %d %q", url, resp.StatusCode, body)
		}
		req, _ = http.NewRequest("GET", url+"/large.js", nil)
		req.Header.Set("Accept-Encoding", "gzip")
		if resp, err = c.Do(req); err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, resp); resp.Header.Get("Content-Encoding") != "gzip" || len(body) > len(large)/10 {
			t.Errorf("%s: %d bytes, %v", url, len(body), resp.Header)
		}
	}
	eventually(t, "everything to be counted", func() bool { // a client has its answer a moment before
		s, _ := b.Stats("app")
		return s.Requests[2] == 12 && s.InFlight == 0 && s.BytesOut >= 4<<20
	})
}

func TestAConnectionGoesOnAfterAnAnswerOfASite(t *testing.T) {
	b, _ := startSite(t, map[string][]byte{"index.html": []byte("home"), "a.bin": make([]byte, 300_000)})
	w := b.dial()
	w.send("HEAD /a.bin HTTP/1.1\r\nHost: app.test\r\n\r\n")
	if resp, body := w.receive("HEAD"); resp.StatusCode != 200 || body != "" || resp.ContentLength != 300_000 {
		t.Errorf("%d, length %d", resp.StatusCode, resp.ContentLength)
	}
	w.send("GET /a.bin HTTP/1.1\r\nHost: app.test\r\n\r\nGET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
	if _, body := w.receive("GET"); len(body) != 300_000 {
		t.Errorf("%d bytes", len(body))
	}
	if _, body := w.receive("GET"); body != "home" {
		t.Errorf("body %q", body)
	}
	w.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc")
	if resp, _ := w.receive("POST"); resp.StatusCode != 405 || !resp.Close {
		t.Errorf("%d, close %t", resp.StatusCode, resp.Close)
	}
}

func TestAnAnswerThatAHandlerDoesNotFinishIsCut(t *testing.T) {
	b := start(t, Config{})
	b.Configure("app", Options{Files: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/short":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "abc")
		case "/panic":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "abc")
			panic("on purpose")
		default:
			_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
		}
	})})
	b.route()
	for _, path := range []string{"/short", "/panic"} {
		w := b.dial()
		w.send("GET " + path + " HTTP/1.1\r\nHost: app.test\r\n\r\n")
		if text, err := io.ReadAll(w.Reader); errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(text), "abc\r\n") {
			t.Errorf("%s: %q, error %v", path, text, err)
		}
	}
	if status, body := b.get("http://app.test/chunked"); status != 200 || len(body) != 100_000 {
		t.Errorf("%d, %d bytes", status, len(body))
	}
}
