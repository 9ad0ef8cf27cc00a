package router

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go/http3"
)

func TestRequestsAreCountedByStatusClassBytesAndLatency(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/bad" {
			w.WriteHeader(503)
		}
		_, _ = io.WriteString(w, "12345")
	}))
	w := b.dial()
	for _, path := range []string{"/", "/", "/bad"} {
		w.send("POST " + path + " HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc")
		w.receive("POST")
	}
	eventually(t, "the last request is counted", func() bool { s, _ := b.Stats("app"); return s.InFlight == 0 })
	s, ok := b.Stats("app")
	if !ok || s.Requests != [6]uint64{2: 2, 5: 1} || s.BytesIn != 9 || s.BytesOut != 15 || s.LatencyTotal <= 0 {
		t.Errorf("stats %+v", s)
	}
	total := uint64(0)
	for _, n := range s.Latency {
		total += n
	}
	if total != 3 || len(s.Latency) != len(LatencyBounds())+1 {
		t.Errorf("latency %v", s.Latency)
	}
}

func TestTheMetricsAreWhatPrometheusExpects(t *testing.T) {
	b := start(t, Config{AccessLog: AccessTo(io.Discard)})
	b.route(says(t, "hello"))
	w := b.dial()
	w.send(request11())
	w.receive("GET")
	eventually(t, "the request is counted", func() bool { s, _ := b.Stats("app"); return s.Requests[2] == 1 })
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(b.Collector(func(id string) string { return "production/" + id })); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range families {
		all.WriteString(f.String() + "\n")
	}
	for _, name := range []string{"requests_total", "requests_in_flight", "request_bytes_total", "response_bytes_total",
		"request_duration_seconds", "upstream_errors_total", "client_connections", "tls_handshakes_total", "access_log_dropped_total", "table_version"} {
		if !strings.Contains(all.String(), "csph_router_"+name) {
			t.Errorf("no %s in %s", name, all.String())
		}
	}
	if text := all.String(); !strings.Contains(text, `value:"production/app"`) || !strings.Contains(text, `value:"HTTP/1.1"`) {
		t.Errorf("labels of %s", text)
	}
}

func TestWhatTargetsDoToRequestsIsCounted(t *testing.T) {
	b := start(t, Config{Limits: Limits{ResponseTimeout: time.Millisecond}})
	silent := rawApp(t, func(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) })
	for target, status := range map[netip.AddrPort]int{nobody(t): 502, answersRaw(t, "gibberish\r\n\r\n", true): 502, silent: 504} {
		b.route(target)
		if got, _ := b.get("http://app.test/"); got != status {
			t.Errorf("status %d, want %d", got, status)
		}
	}
	eventually(t, "all are counted", func() bool { s, _ := b.Stats("app"); return s.InFlight == 0 })
	if s, _ := b.Stats("app"); s.Unreachable != 1 || s.Failed != 1 || s.TimedOut != 1 {
		t.Errorf("unreachable %d, failed %d, timed out %d", s.Unreachable, s.Failed, s.TimedOut)
	}
}

func TestAWebsocketCountsAsARequestWithoutLatency(t *testing.T) {
	b := start(t, Config{})
	b.route(echoApp(t))
	ws, err := dialSocket(b.addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = ws.Close()
	eventually(t, "it is counted", func() bool { s, _ := b.Stats("app"); return s.Requests[1] == 1 })
	if s, _ := b.Stats("app"); s.InFlight != 0 || s.LatencyTotal != 0 || slices.Max(s.Latency) != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestHandshakesOfHTTP3AreCountedToo(t *testing.T) {
	b, _, addr := startQUIC(t, Config{})
	b.route(says(t, "hello"))
	cache := tls.NewLRUClientSessionCache(1)
	for range 2 {
		tr := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ClientSessionCache: cache, ServerName: "app.test"}}
		resp, err := (&http.Client{Transport: tr, Timeout: patience}).Get("https://" + addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, resp)
		_ = tr.Close()
	}
	h := &b.handshakes
	eventually(t, "both are counted", func() bool { return h.full.Load() == 1 && h.resumed.Load() == 1 })
}

func TestHandshakesAreCounted(t *testing.T) {
	b, addr := startTLS(t, Config{})
	b.route(says(t, "hello"))
	cache := tls.NewLRUClientSessionCache(1)
	for range 2 {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, ClientSessionCache: cache, ServerName: "app.test", NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := askOn(c, bufio.NewReader(c)); err != nil { // the ticket comes with the first bytes
			t.Fatal(err)
		}
		_ = c.Close()
	}
	if c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "app.test"}); err == nil {
		_ = c.Close()
		t.Fatal("an unknown authority is trusted")
	}
	h := &b.handshakes
	eventually(t, "all are counted", func() bool { return h.full.Load() == 1 && h.resumed.Load() == 1 && h.failed.Load() == 1 })
}
