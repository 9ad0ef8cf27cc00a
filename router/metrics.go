package router

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector turns the counts of a Router into Prometheus metrics when they are asked for.
type collector struct {
	r    *Router
	name func(service string) string

	requests, inFlight, bytesIn, bytesOut, latency, upstream *prometheus.Desc
	connections, handshakes, logDropped, version             *prometheus.Desc
}

// Collector returns a collector of the router's metrics: requests, latency, bytes and failures of targets
// by service, client connections, TLS handshakes, dropped lines of the access log, and the version of the
// table. name says what people call a service; it is asked at every collection. Nil: by its id.
func (r *Router) Collector(name func(service string) string) prometheus.Collector {
	if name == nil {
		name = func(service string) string { return service }
	}
	desc := func(name, text string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("csph_router_"+name, text, labels, nil)
	}
	return &collector{
		r: r, name: name,
		requests:    desc("requests_total", "Requests that ended, by status class; class none: without an answer.", "service", "class", "protocol"),
		inFlight:    desc("requests_in_flight", "Requests being served, websockets and streams included.", "service"),
		bytesIn:     desc("request_bytes_total", "Bytes of request bodies passed on.", "service"),
		bytesOut:    desc("response_bytes_total", "Bytes of response bodies passed on.", "service"),
		latency:     desc("request_duration_seconds", "From the first byte of the request to the end of the answer; without websockets, streams and gRPC.", "service"),
		upstream:    desc("upstream_errors_total", "What targets did to requests: unreachable, failed (broke off, or sent something that is not HTTP), timeout.", "service", "reason"),
		connections: desc("client_connections", "Open connections of clients."),
		handshakes:  desc("tls_handshakes_total", "TLS handshakes: full, resumed, failed; of HTTP/3 without those that failed.", "result"),
		logDropped:  desc("access_log_dropped_total", "Lines of the access log that could not be written."),
		version:     desc("table_version", "Version of the route table in use."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.requests, c.inFlight, c.bytesIn, c.bytesOut, c.latency, c.upstream, c.connections, c.handshakes, c.logDropped, c.version} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	t := c.r.table.Load()
	for _, x := range t.routes {
		c.service(out, x.counts.stats(x.service))
	}
	out <- prometheus.MustNewConstMetric(c.version, prometheus.GaugeValue, float64(t.version))
	out <- prometheus.MustNewConstMetric(c.connections, prometheus.GaugeValue, float64(c.r.clients.count()))
	h := &c.r.handshakes
	counter(out, c.handshakes, h.full.Load(), "full")
	counter(out, c.handshakes, h.resumed.Load(), "resumed")
	counter(out, c.handshakes, h.failed.Load(), "failed")
	if c.r.access != nil {
		counter(out, c.logDropped, c.r.access.dropped.Load())
	}
}

// service emits the metrics of one service. Statuses that a protocol has never had are left out.
func (c *collector) service(out chan<- prometheus.Metric, s Stats) {
	name := c.name(s.Service)
	for p, classes := range s.Protocols {
		for class, n := range classes {
			if n > 0 {
				counter(out, c.requests, n, name, className(class), protocolName(uint8(p+1)))
			}
		}
	}
	out <- prometheus.MustNewConstMetric(c.inFlight, prometheus.GaugeValue, float64(s.InFlight), name)
	counter(out, c.bytesIn, s.BytesIn, name)
	counter(out, c.bytesOut, s.BytesOut, name)
	counter(out, c.upstream, s.Unreachable, name, unreachable.String())
	counter(out, c.upstream, s.Failed, name, brokeOff.String())
	counter(out, c.upstream, s.TimedOut, name, tooSlow.String())
	below, total := map[float64]uint64{}, uint64(0)
	for i, n := range s.Latency {
		total += n
		if i < buckets {
			below[latencyBounds[i].Seconds()] = total
		}
	}
	out <- prometheus.MustNewConstHistogram(c.latency, total, time.Duration(s.LatencyTotal).Seconds(), below, name)
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, n uint64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func className(class int) string {
	if class == 0 {
		return "none"
	}
	return strconv.Itoa(class) + "xx"
}
