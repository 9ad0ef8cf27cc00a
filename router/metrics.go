package router

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector turns the counts of a Router into Prometheus metrics when they are asked for.
type collector struct {
	r                                              *Router
	requests, inFlight, bytesIn, bytesOut, latency *prometheus.Desc
	connections, logDropped, version               *prometheus.Desc
}

// Collector returns a collector of the router's metrics: requests, latency and bytes by service,
// client connections, dropped lines of the access log, and the version of the table.
func (r *Router) Collector() prometheus.Collector {
	desc := func(name, text string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("csph_router_"+name, text, labels, nil)
	}
	return &collector{
		r:           r,
		requests:    desc("requests_total", "Requests that ended, by status class; class none: without an answer.", "service", "class"),
		inFlight:    desc("requests_in_flight", "Requests being served, websockets and streams included.", "service"),
		bytesIn:     desc("request_bytes_total", "Bytes of request bodies passed on.", "service"),
		bytesOut:    desc("response_bytes_total", "Bytes of response bodies passed on.", "service"),
		latency:     desc("request_duration_seconds", "From the first byte of the request to the end of the answer.", "service"),
		connections: desc("client_connections", "Open connections of clients."),
		logDropped:  desc("access_log_dropped_total", "Lines of the access log that could not be written."),
		version:     desc("table_version", "Version of the route table in use."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.requests, c.inFlight, c.bytesIn, c.bytesOut, c.latency, c.connections, c.logDropped, c.version} {
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
	if c.r.access != nil {
		out <- prometheus.MustNewConstMetric(c.logDropped, prometheus.CounterValue, float64(c.r.access.dropped.Load()))
	}
}

func (c *collector) service(out chan<- prometheus.Metric, s Stats) {
	for class, n := range s.Requests {
		out <- prometheus.MustNewConstMetric(c.requests, prometheus.CounterValue, float64(n), s.Service, className(class))
	}
	out <- prometheus.MustNewConstMetric(c.inFlight, prometheus.GaugeValue, float64(s.InFlight), s.Service)
	out <- prometheus.MustNewConstMetric(c.bytesIn, prometheus.CounterValue, float64(s.BytesIn), s.Service)
	out <- prometheus.MustNewConstMetric(c.bytesOut, prometheus.CounterValue, float64(s.BytesOut), s.Service)
	below, total := map[float64]uint64{}, uint64(0)
	for i, n := range s.Latency {
		total += n
		if i < buckets {
			below[latencyBounds[i].Seconds()] = total
		}
	}
	out <- prometheus.MustNewConstHistogram(c.latency, total, time.Duration(s.LatencyTotal).Seconds(), below, s.Service)
}

func className(class int) string {
	if class == 0 {
		return "none"
	}
	return strconv.Itoa(class) + "xx"
}
