package router

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// saysWhom is an app that answers with what it was told about its client.
func saysWhom(t *testing.T) netip.AddrPort {
	return app(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-For")+" | "+r.Header.Get("Forwarded"))
	})
}

func TestALoadBalancerIsBelievedAboutItsConnections(t *testing.T) {
	b, addr := startTLS(t, Config{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	b.route(saysWhom(t))
	for header, want := range map[string]string{
		"PROXY TCP4 192.0.2.7 127.0.0.1 12345 443\r\n": `192.0.2.7 | for=192.0.2.7;host="app.test";proto=http`,
		"PROXY TCP6 2001:db8::7 ::1 12345 443\r\n":     `2001:db8::7 | for="[2001:db8::7]";host="app.test";proto=http`,
		"PROXY UNKNOWN\r\n":                            `127.0.0.1 | for=127.0.0.1;host="app.test";proto=http`,
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\x7f\x00\x00\x01\x30\x39\x01\xbb": `192.0.2.7 | for=192.0.2.7;host="app.test";proto=http`,
	} {
		w := b.dial()
		w.send(header + request11())
		if _, body := w.receive("GET"); body != want {
			t.Errorf("%q: %q", header, body)
		}
		if body := overTLS(t, addr, header); body != want+"s" {
			t.Errorf("%q over TLS: %q", header, body)
		}
	}
}

// overTLS sends header and then, over TLS, a request.
func overTLS(t *testing.T, addr, header string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, header); err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	_ = secure.SetDeadline(time.Now().Add(patience))
	w := &wire{Conn: secure, Reader: bufio.NewReader(secure), t: t}
	w.send(request11())
	_, body := w.receive("GET")
	return body
}

func TestALoadBalancerThatDoesNotSayWhoIsClosed(t *testing.T) {
	b := start(t, Config{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the app was reached") }))
	w := b.dial()
	w.send(request11())
	if rest := w.rest(); rest != "" {
		t.Errorf("answered %q", rest)
	}
}

func TestAClientThatPretendsToBeALoadBalancerIsRefused(t *testing.T) {
	b := start(t, Config{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the app was reached") }))
	for _, header := range []string{"PROXY TCP4 192.0.2.7 127.0.0.1 12345 443\r\n", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"} {
		w := b.dial()
		w.send(header + request11())
		if resp, _ := w.receive("GET"); resp.StatusCode != 400 || !resp.Close {
			t.Errorf("%q: status %d", header, resp.StatusCode)
		}
	}
}

func TestOneClientBehindALoadBalancerHoldsOnlySoManyConnections(t *testing.T) {
	b := start(t, Config{
		ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Limits:    Limits{ConnectionsPerClient: 1},
	})
	b.route(says(t, "ok"))
	for i, want := range []int{200, 429} {
		w := b.dial()
		w.send("PROXY TCP4 192.0.2.7 127.0.0.1 1 443\r\n" + request11())
		if resp, _ := w.receive("GET"); resp.StatusCode != want {
			t.Errorf("connection %d: status %d", i, resp.StatusCode)
		}
	}
	w := b.dial()
	w.send("PROXY TCP4 192.0.2.8 127.0.0.1 1 443\r\n" + request11())
	if resp, _ := w.receive("GET"); resp.StatusCode != 200 {
		t.Errorf("another client: status %d", resp.StatusCode)
	}
}

func TestTheAccessLogNamesTheClientBehindTrustedProxiesOnly(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for name, c := range map[string]struct {
		trusted []netip.Prefix
		fields  []string
		want    string
	}{
		"one proxy":              {trusted, []string{"X-Forwarded-For: 192.0.2.1"}, "192.0.2.1"},
		"two proxies":            {trusted, []string{"X-Forwarded-For: 6.6.6.6, 192.0.2.1", "X-Forwarded-For: 10.1.1.1"}, "192.0.2.1"},
		"only proxies":           {trusted, []string{"X-Forwarded-For: 10.1.1.1"}, "10.1.1.1"},
		"what is no address":     {trusted, []string{"X-Forwarded-For: 6.6.6.6, nobody"}, "127.0.0.1"},
		"nothing is said":        {trusted, nil, "127.0.0.1"},
		"a client that pretends": {nil, []string{"X-Forwarded-For: 6.6.6.6"}, "127.0.0.1"},
	} {
		log := &lines{}
		b := start(t, Config{Trusted: c.trusted, AccessLog: AccessTo(log)})
		b.route(says(t, "ok"))
		w := b.dial()
		w.send(request11(c.fields...))
		w.receive("GET")
		_ = w.Close()
		if got := b.logged(log); len(got) != 1 || got[0].Client != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestForwardedIsBelievedFromTrustedProxiesOnly(t *testing.T) {
	for name, c := range map[string]struct {
		trusted []netip.Prefix
		fields  []string
		want    string
	}{
		"nobody is trusted": {nil, []string{"X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6"}, `127.0.0.1 | for=127.0.0.1;host="app.test";proto=http`},
		"both": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2", "Forwarded: for=192.0.2.1"},
			`192.0.2.1, 192.0.2.2, 127.0.0.1 | for=192.0.2.1, for=127.0.0.1;host="app.test";proto=http`},
		"a proxy that does not know Forwarded": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, []string{"X-Forwarded-For: 192.0.2.1"}, `192.0.2.1, 127.0.0.1 | `},
	} {
		b := start(t, Config{Trusted: c.trusted})
		b.route(saysWhom(t))
		w := b.dial()
		w.send(request11(c.fields...))
		if _, body := w.receive("GET"); body != c.want {
			t.Errorf("%s: %q", name, body)
		}
	}
}
