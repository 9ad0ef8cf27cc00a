package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"csph/api/wire"
	"csph/platform"
	"csph/router"
	"csph/store"
)

// scrapeTimeout bounds what one collection may ask the records.
const scrapeTimeout = 5 * time.Second

// metrics is what Prometheus is told: the router's counts by the names of services, certificates,
// deployments, and the process itself.
type metrics struct {
	db       *store.DB
	logger   *slog.Logger
	expiries func() map[string]time.Time // of certificates, by host
	registry *prometheus.Registry

	deployments, builds *prometheus.CounterVec
	underWay, expires   *prometheus.Desc

	mu    sync.Mutex
	names map[string]string // of services that were asked for, by id
}

func newMetrics(s *server) *metrics {
	m := &metrics{
		db: s.db, logger: s.logger, expiries: s.front.doorman.expiries, registry: prometheus.NewRegistry(), names: map[string]string{},
		deployments: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "csph_deployments_total", Help: "Deployments that have settled, by status; retired ones were live before."}, []string{"status"}),
		builds:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "csph_builds_total", Help: "Builds that have ended, by outcome."}, []string{"status"}),
		underWay:    prometheus.NewDesc("csph_deployments", "Deployments that are live or on their way, by status.", []string{"status"}, nil),
		expires:     prometheus.NewDesc("csph_certificate_expiry_timestamp_seconds", "When the certificate of a host ends, in seconds since 1970.", []string{"host"}, nil),
	}
	m.registry.MustRegister(
		s.router.Collector(m.nameOf), m, m.deployments, m.builds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(m.logger.Handler(), slog.LevelWarn)})
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) { out <- m.underWay; out <- m.expires }

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	for host, end := range m.expiries() {
		out <- prometheus.MustNewConstMetric(m.expires, prometheus.GaugeValue, float64(end.Unix()), host)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	unsettled, err := m.db.Unsettled(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(m.underWay, err)
		return
	}
	count := map[platform.Status]int{platform.Queued: 0, platform.Building: 0, platform.RollingOut: 0, platform.HealthCheck: 0, platform.Live: 0}
	for _, d := range unsettled {
		count[d.Status]++
	}
	for status, n := range count {
		out <- prometheus.MustNewConstMetric(m.underWay, prometheus.GaugeValue, float64(n), string(status))
	}
}

// nameOf is what people call a service: project/environment/name, with the account's name before it for all
// accounts but the server's first, so that no two services share one.
func (m *metrics) nameOf(service string) string {
	m.mu.Lock()
	name := m.names[service]
	m.mu.Unlock()
	if name != "" {
		return name
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	name, err := m.fullName(ctx, service)
	if err != nil {
		return service // the next collection asks again
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[service] = name
	return name
}

func (m *metrics) fullName(ctx context.Context, service string) (string, error) {
	svc, err := m.db.Service(ctx, service)
	if err != nil {
		return "", err
	}
	project, err := m.db.Project(ctx, svc.Project)
	if err != nil {
		return "", err
	}
	account, err := m.db.Account(ctx, project.Account)
	if err != nil {
		return "", err
	}
	name := project.Name + "/" + svc.EnvName + "/" + svc.Name
	if !account.Operator {
		name = account.Name + "/" + name
	}
	return name, nil
}

// run counts deployments and builds as they end, from now on, until ctx ends.
func (m *metrics) run(ctx context.Context) error {
	from, err := m.db.Position(ctx)
	if err != nil {
		return fmt.Errorf("read the position of the bus: %w", err)
	}
	for e, err := range m.db.Subscribe(ctx, store.Filter{After: from, Live: true}) {
		if err != nil {
			if ctx.Err() == nil {
				m.logger.Error("deployments are no longer counted", "err", err)
			}
			return nil
		}
		m.count(e)
	}
	return nil
}

func (m *metrics) count(e platform.Event) {
	switch e.Kind {
	case platform.EventStatus:
		if status := platform.Status(e.Status); status.Settled() {
			m.deployments.WithLabelValues(e.Status).Inc()
		}
	case platform.EventBuild:
		if e.Status != "RUNNING" {
			m.builds.WithLabelValues(e.Status).Inc()
		}
	}
}

// expiries are those of the certificates that are served.
func (d *doorman) expiries() map[string]time.Time {
	if k := d.keeper.Load(); k != nil {
		return k.Expiries()
	}
	return nil
}

// traffic is the router's counts as the API wants them.
type traffic struct{ *front }

// Bounds implements api.Traffic.
func (t traffic) Bounds() ([]time.Duration, time.Time) { return router.LatencyBounds(), t.since }

// Counts implements api.Traffic.
func (t traffic) Counts(service string) (wire.ServiceTraffic, bool) {
	s, ok := t.router.Stats(service)
	if !ok {
		return wire.ServiceTraffic{}, false
	}
	r := s.Requests
	return wire.ServiceTraffic{
		Requests: wire.Requests{Unanswered: r[0], Informational: r[1], Successful: r[2], Redirected: r[3], ClientErrors: r[4], ServerErrors: r[5]},
		InFlight: s.InFlight, BytesIn: s.BytesIn, BytesOut: s.BytesOut, Upstream: s.Unreachable + s.Failed + s.TimedOut, Latency: s.Latency,
	}, true
}
