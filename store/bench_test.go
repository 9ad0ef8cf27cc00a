package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"csph/platform"
)

func BenchmarkPublish(b *testing.B) {
	db, s := started(b)
	for b.Loop() {
		_, err := db.Publish(b.Context(), platform.Event{Service: s.ID, Deployment: "d", Kind: platform.EventStatus})
		must(b, err)
	}
}

func BenchmarkPublishFromManyAtOnce(b *testing.B) {
	db, s := started(b)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := db.Publish(b.Context(), platform.Event{Service: s.ID, Kind: platform.EventStatus}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkSync is the floor of every write: one append to a file and its fsync.
func BenchmarkSync(b *testing.B) {
	f, err := lockFile(place(b))
	must(b, err)
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		_, err := f.Write(page)
		must(b, err)
		must(b, f.Sync())
	}
}

func BenchmarkAdvance(b *testing.B) {
	db, s := started(b)
	for b.Loop() {
		b.StopTimer()
		d, err := db.CreateDeployment(b.Context(), platform.Deployment{Service: s.ID, Config: s.Config})
		must(b, err)
		b.StartTimer()
		_, err = db.Advance(b.Context(), d.ID, platform.Queued, platform.StartBuild, nil)
		must(b, err)
	}
}

// BenchmarkFullRecords measures what the API and a start ask of 1,000 services with 100 deployments each.
func BenchmarkFullRecords(b *testing.B) {
	db, s := full(b)
	for _, c := range []struct {
		name string
		read func(ctx context.Context) error
	}{
		{"deployments of a service", func(ctx context.Context) error { _, err := db.Deployments(ctx, s.ID, 0); return err }},
		{"first page of all deployments", func(ctx context.Context) error {
			_, err := db.DeploymentPage(ctx, Page{Account: s.Account, Limit: 50})
			return err
		}},
		{"services", func(ctx context.Context) error { _, err := db.Services(ctx, s.Account); return err }},
		{"service by name", func(ctx context.Context) error { _, err := db.ResolveService(ctx, s.Account, s.Name); return err }},
		{"deployment by id", func(ctx context.Context) error { _, err := db.FindDeployment(ctx, s.Account, s.Live); return err }},
		{"unsettled deployments", func(ctx context.Context) error { _, err := db.Unsettled(ctx); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				start := time.Now()
				must(b, c.read(b.Context()))
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// full makes records with 1,000 services of 100 deployments each, the last one live, and returns one service.
func full(b *testing.B) (*DB, platform.Service) {
	b.Helper()
	db, s := started(b)
	for i := range 1000 {
		made, err := db.CreateService(b.Context(), s.Account, fmt.Sprintf("service-%d", i), platform.Service{})
		must(b, err)
		must(b, db.write(b.Context(), func(ctx context.Context, tx querier) error { return history(ctx, db, tx, made, 100) }))
		s = made
	}
	s, err := db.Service(b.Context(), s.ID)
	must(b, err)
	return db, s
}

// history inserts n deployments of a service as they look after years.
func history(ctx context.Context, db *DB, tx querier, s platform.Service, n int) error {
	s.Config.Env = map[string]string{"DATABASE_URL": "postgres://user:password@host/database", "LOG_LEVEL": "info", "SECRET": "0123456789abcdef"}
	for i := range n {
		id, err := db.ids.next(platform.DeploymentPrefix)
		if err != nil {
			return err
		}
		d := platform.Deployment{
			ID: id, Service: s.ID, Status: platform.Retired, Config: s.Config, Created: now(), URL: "http://" + s.Name + ".localhost",
			Trigger: platform.Trigger{Kind: "push", Actor: "laptop"},
			Source:  platform.Source{Kind: platform.FromGit, Revision: "0123456789abcdef0123456789abcdef01234567", Branch: "main", Subject: "Change a line"},
			Image:   platform.Image{Ref: "csph/" + id, Digest: "sha256:0123456789abcdef", Command: []string{"/bin/sh", "-c", "./app"}},
		}
		for _, status := range []platform.Status{platform.Queued, platform.Building, platform.RollingOut, platform.HealthCheck, platform.Live, platform.Retired} {
			d.History = append(d.History, platform.Phase{Status: status, At: d.Created})
		}
		if i == n-1 {
			d.Status, d.History = platform.Live, d.History[:5]
		}
		if err := insertDeployment(ctx, tx, s, d); err != nil {
			return err
		}
	}
	return nil
}
