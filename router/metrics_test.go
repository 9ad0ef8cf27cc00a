package router

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
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
	b := start(t, Config{AccessLog: io.Discard})
	b.route(says(t, "hello"))
	w := b.dial()
	w.send(request11())
	w.receive("GET")
	eventually(t, "the request is counted", func() bool { s, _ := b.Stats("app"); return s.Requests[2] == 1 })
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(b.Collector()); err != nil {
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
		"request_duration_seconds", "client_connections", "access_log_dropped_total", "table_version"} {
		if !strings.Contains(all.String(), "csph_router_"+name) {
			t.Errorf("no %s in %s", name, all.String())
		}
	}
}
