package router

import (
	"bufio"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// gate is a Front by table.
type gate struct {
	secure map[string]string // host to value of Strict-Transport-Security
	answer map[string]string // host and path to what a validation finds
	port   string
}

func (g gate) Challenge(host, path []byte) ([]byte, bool) {
	text, ok := g.answer[string(host)+string(path)]
	return []byte(text), ok
}

func (g gate) Policy(host []byte) (bool, string) {
	hsts, ok := g.secure[string(host)]
	return ok, hsts
}

func (g gate) Port() string { return g.port }

func TestPlainHTTPIsRedirectedWhereTheFrontSaysSo(t *testing.T) {
	g := gate{secure: map[string]string{"www.example.test": "max-age=60"}, port: "8443"}
	b := start(t, Config{Front: g})
	b.route(app(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("app")) }))
	for _, c := range []struct{ request, location string }{
		{"GET /a?b=c%20d HTTP/1.1\r\nHost: WWW.Example.test:8080\r\n\r\n", "https://www.example.test:8443/a?b=c%20d"},
		{"POST /form HTTP/1.1\r\nHost: www.example.test\r\nContent-Length: 3\r\n\r\na=b", "https://www.example.test:8443/form"},
		{"OPTIONS * HTTP/1.1\r\nHost: www.example.test\r\n\r\n", "https://www.example.test:8443/"},
		{"GET /.well-known/acme-challenge HTTP/1.1\r\nHost: www.example.test\r\n\r\n", "https://www.example.test:8443/.well-known/acme-challenge"},
	} {
		w := b.dial()
		w.send(c.request)
		resp, _ := w.receive("GET")
		if resp.StatusCode != 308 || resp.Header.Get("Location") != c.location || resp.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%q: %d to %q, %v", c.request, resp.StatusCode, resp.Header.Get("Location"), resp.Header)
		}
	}
	w := b.dial()
	w.send(request11())
	if resp, body := w.receive("GET"); resp.StatusCode != 200 || string(body) != "app" {
		t.Errorf("another host: %d %q", resp.StatusCode, body)
	}
}

func TestValidationsAreAnsweredAndNeverRedirected(t *testing.T) {
	const path = "/.well-known/acme-challenge/token"
	g := gate{secure: map[string]string{"www.example.test": ""}, answer: map[string]string{"www.example.test" + path: "token.key"}}
	b := start(t, Config{Front: g})
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", path, 200}, {"POST", path, 404}, {"GET", path + "x", 404}} {
		w := b.dial()
		w.send(c.method + " " + c.path + " HTTP/1.1\r\nHost: www.example.test\r\n\r\n")
		resp, body := w.receive(c.method)
		if resp.StatusCode != c.status || c.status == 200 && string(body) != "token.key" {
			t.Errorf("%s %s: %d %q", c.method, c.path, resp.StatusCode, body)
		}
	}
}

func TestARequestThatATrustedProxyGotOverHTTPSIsNotRedirected(t *testing.T) {
	b := start(t, Config{Front: gate{secure: map[string]string{"app.test": ""}}, Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	b.route(app(t, func(w http.ResponseWriter, _ *http.Request) {}))
	for proto, status := range map[string]int{"https": 200, "http": 308} {
		w := b.dial()
		w.send(strings.Replace(request11(), "\r\n\r\n", "\r\nX-Forwarded-Proto: "+proto+"\r\n\r\n", 1))
		if resp, _ := w.receive("GET"); resp.StatusCode != status {
			t.Errorf("%s: status %d", proto, resp.StatusCode)
		}
	}
}

func TestHSTSIsSentOverHTTPSOnly(t *testing.T) {
	b := start(t, Config{Front: gate{secure: map[string]string{"app.test": "max-age=60"}}})
	b.route(app(t, func(w http.ResponseWriter, _ *http.Request) {}))
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", secure.TLS)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(t.Context(), ln) }()
	c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := &wire{Conn: c, Reader: bufio.NewReader(c), t: t}
	w.send(request11())
	if resp, _ := w.receive("GET"); resp.StatusCode != 200 || resp.Header.Get("Strict-Transport-Security") != "max-age=60" {
		t.Errorf("status %d, %v", resp.StatusCode, resp.Header)
	}
}
