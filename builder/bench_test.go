package builder

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/buildkit/client"

	"csph/host"
)

// BenchmarkBuild compares Build with the bare order to BuildKit of the same definition, exported the same
// way: after no change, and after a change of one line of a Go program.
func BenchmarkBuild(b *testing.B) {
	l := sharedLab(b)
	dir := source(b, map[string]string{"go.mod": "module web\n\ngo 1.26\n", "main.go": goMain})
	request := func(service string, n int) Request {
		return Request{Deployment: fmt.Sprintf("dep_bench%d", n), Service: service, Dir: dir, Plan: goPlan()}
	}
	n := 0
	build := func() error {
		_, err := l.Build(context.Background(), request("svc_bench", n))
		return err
	}
	raw := func() error { return l.rawSolve(context.Background(), request("svc_bench_raw", n)) }
	for _, c := range []struct {
		name   string
		change func()
	}{
		{"no change", func() {}},
		{"one line", func() {
			write(b, dir+"/main.go", strings.Replace(goMain, "hello", fmt.Sprintf("hello %d", n), 1))
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			took := map[string][]time.Duration{}
			for range b.N + 1 { // the first warms both up
				for name, run := range map[string]func() error{"build": build, "raw": raw} {
					n++
					c.change()
					began := time.Now()
					if err := run(); err != nil {
						b.Fatal(err)
					}
					took[name] = append(took[name], time.Since(began))
				}
			}
			ours, floor := median(took["build"][1:]), median(took["raw"][1:])
			b.ReportMetric(ours.Seconds()*1000, "ms/build")
			b.ReportMetric(floor.Seconds()*1000, "ms/raw")
			b.ReportMetric(ours.Seconds()/floor.Seconds(), "ratio")
		})
	}
}

// rawSolve hands the build of r to BuildKit and does nothing else.
func (l *lab) rawSolve(ctx context.Context, r Request) error {
	log, err := l.Log(r.Deployment)
	if err != nil {
		return err
	}
	defer log.Close()
	s, err := l.newSolve(r, log)
	if err != nil {
		return err
	}
	run, err := s.plan(ctx)
	if err != nil {
		return err
	}
	c, err := client.New(ctx, "unix://"+l.config.buildkitSocket())
	if err != nil {
		return err
	}
	defer c.Close()
	return run(ctx, c, nil)
}

func median(d []time.Duration) time.Duration { return quantile(d, 0.5) }

func quantile(d []time.Duration, q float64) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[min(len(d)-1, int(q*float64(len(d))))]
}

// BenchmarkFence serves load beside a build that burns every processor, inside the fence and outside of
// it, and reports the 99th percentile of both against the one of a quiet machine.
func BenchmarkFence(b *testing.B) {
	l := sharedLab(b)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	b.Cleanup(server.Close)
	took := map[string][]time.Duration{}
	measure := func(how string) { took[how] = append(took[how], load(b, server.URL)) }
	for range b.N {
		measure("alone")
		l.beside(b, "dep_fenced", func() { measure("fenced") })
		must(b, l.host.BuildsCgroup().Apply(host.Limits{Shares: 1024}))
		l.beside(b, "dep_unfenced", func() { measure("unfenced") })
		must(b, l.host.PrepareCgroups())
	}
	alone := median(took["alone"])
	b.ReportMetric(alone.Seconds()*1000, "ms-p99-alone")
	b.ReportMetric(median(took["fenced"]).Seconds()/alone.Seconds(), "x-fenced")
	b.ReportMetric(median(took["unfenced"]).Seconds()/alone.Seconds(), "x-unfenced")
}

// beside calls f while a build burns every processor.
func (l *lab) beside(b *testing.B, deployment string, f func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = l.buildShell(ctx, deployment, "echo burning; for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; wait")
	})
	l.awaitLog(ctx, deployment, "O burning")
	f()
	cancel()
	wg.Wait()
}

// load sends 200 requests a second for a few seconds and returns the 99th percentile, measured from when
// each was due.
func load(b *testing.B, url string) time.Duration {
	const rate, total = 200, 1000
	took := make([]time.Duration, total)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range total {
		due := began.Add(time.Duration(i) * time.Second / rate)
		pause(context.Background(), time.Until(due))
		wg.Go(func() {
			resp, err := http.Get(url)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			took[i] = time.Since(due)
		})
	}
	wg.Wait()
	return quantile(took, 0.99)
}
