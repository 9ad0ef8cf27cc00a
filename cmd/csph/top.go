package main

import (
	"context"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
)

// load is how much a service is used, in one interval.
type load struct {
	Service     string  `json:"service"`
	Environment string  `json:"environment"`
	Project     string  `json:"project"`
	Rate        float64 `json:"requests_per_second"`
	P50         float64 `json:"p50_ms"`
	P95         float64 `json:"p95_ms"`
	P99         float64 `json:"p99_ms"`
	Errors      float64 `json:"errors_per_second"` // 5xx, and requests that got no answer
	InFlight    int     `json:"in_flight"`
	In          float64 `json:"bytes_in_per_second"`
	Out         float64 `json:"bytes_out_per_second"`
	// Use is of the spherelets; absent while none runs.
	Use *use `json:"use,omitempty"`
}

// use is what the spherelets of a service use, in one interval.
type use struct {
	Spherelets  int     `json:"spherelets"`
	CPU         float64 `json:"cpu_percent"` // of what they may use
	Memory      int64   `json:"memory_bytes"`
	MemoryLimit int64   `json:"memory_limit_bytes"`
}

func (a *app) servicesTop() *cobra.Command {
	var interval time.Duration
	var once bool
	cmd := &cobra.Command{
		Use: "top [SERVICE]", Example: "  csph services top web", Short: "Show how much services are used: rate, latency, errors, CPU, memory", Args: atMost(1),
		Long: `Show how much services are used, by what the router sees: requests a second, the time that half of the
requests, 95 and 99 of 100 took at most, server errors a second, requests in flight. CPU and memory are those of the
spherelets, together and of what their shape allows.

On a terminal the table is refreshed until ctrl-C. With -o json, --once, or into a pipe it is one interval.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if interval < 100*time.Millisecond {
				return usageError{fmt.Errorf("--interval %s is shorter than 100ms", interval)}
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return a.top(ctx, strings.Join(args, ""), interval, once || a.structured() || !a.terminal)
		},
	}
	cmd.Flags().DurationVar(&interval, "interval", 2*time.Second, "what rates are taken over")
	cmd.Flags().BoolVar(&once, "once", false, "one table, then end")
	return cmd
}

// top shows the load of each interval until ctx ends, which is no failure; once: of one interval.
func (a *app) top(ctx context.Context, service string, interval time.Duration, once bool) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	before, err := traffic(ctx, c, service)
	if err != nil {
		return err
	}
	for {
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return nil
		}
		now, err := traffic(ctx, c, service)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.showLoads(loads(before, now), !once); err != nil || once {
			return err
		}
		before = now
	}
}

// traffic asks for the counts, of one service if it is named.
func traffic(ctx context.Context, c *client.Client, service string) (wire.Traffic, error) {
	t, err := c.Traffic(ctx)
	if err != nil || service == "" {
		return t, err
	}
	svc, err := c.Service(ctx, service)
	if err != nil {
		return t, err
	}
	t.Services = slices.DeleteFunc(t.Services, func(s wire.ServiceTraffic) bool { return s.Service != svc.ID })
	return t, nil
}

const clearScreen = "\x1b[H\x1b[2J"

func (a *app) showLoads(all []load, refresh bool) error {
	rows := make([][]string, len(all))
	for i, l := range all {
		rows[i] = []string{l.Service, l.Environment, fmt.Sprintf("%.1f", l.Rate), millis(l.P50), millis(l.P95), millis(l.P99),
			fmt.Sprintf("%.1f", l.Errors), fmt.Sprint(l.InFlight), bytesRate(l.Out), l.Use.cpu(), l.Use.memory()}
	}
	return a.show(all, func() error {
		if refresh {
			if err := a.printf("%s%s, ctrl-C ends\n\n", clearScreen, time.Now().Format(time.TimeOnly)); err != nil {
				return err
			}
		}
		return a.table("SERVICE\tENVIRONMENT\tREQ/S\tP50\tP95\tP99\tERR/S\tIN FLIGHT\tOUT/S\tCPU\tMEMORY", rows)
	})
}

func (u *use) cpu() string {
	if u == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", u.CPU)
}

func (u *use) memory() string {
	if u == nil || u.MemoryLimit == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d MB", u.Memory>>20, u.MemoryLimit>>20)
}

// millis prints a duration; one that is not known, since nothing was asked, is a dash.
func millis(ms float64) string {
	switch {
	case ms == 0:
		return "-"
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

func bytesRate(n float64) string {
	for _, unit := range []string{"B", "kB", "MB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g GB", n)
}

// loads is what happened between two counts, the busiest service first.
func loads(before, now wire.Traffic) []load {
	earlier := map[string]wire.ServiceTraffic{}
	if before.Started.Equal(now.Started) { // else csphd was restarted, and counts anew
		for _, s := range before.Services {
			earlier[s.Service] = s
		}
	}
	seconds := now.Time.Sub(before.Time).Seconds()
	all := []load{}
	for _, s := range now.Services {
		all = append(all, loadOf(earlier[s.Service], s, now.Bounds, seconds))
	}
	slices.SortStableFunc(all, func(x, y load) int {
		switch {
		case x.Rate > y.Rate:
			return -1
		case x.Rate < y.Rate:
			return 1
		}
		return 0
	})
	return all
}

func loadOf(before, now wire.ServiceTraffic, bounds []float64, seconds float64) load {
	rate := func(was, is uint64) float64 {
		if is < was || seconds <= 0 { // a service of that name was deleted and made again
			return 0
		}
		return float64(is-was) / seconds
	}
	took := slices.Clone(now.Latency)
	for i := range took {
		if i < len(before.Latency) && before.Latency[i] <= took[i] {
			took[i] -= before.Latency[i]
		}
	}
	return load{
		Service: now.Name, Environment: now.Environment, Project: now.Project,
		Rate:   rate(before.Requests.Total(), now.Requests.Total()),
		Errors: rate(before.Requests.ServerErrors+before.Requests.Unanswered, now.Requests.ServerErrors+now.Requests.Unanswered),
		P50:    1000 * quantile(took, bounds, 0.5), P95: 1000 * quantile(took, bounds, 0.95), P99: 1000 * quantile(took, bounds, 0.99),
		InFlight: now.InFlight, In: rate(before.BytesIn, now.BytesIn), Out: rate(before.BytesOut, now.BytesOut),
		Use: useOf(before.Use, now.Use, seconds),
	}
}

// useOf is what was used between two counts. The CPU time of spherelets of which one has gone meanwhile is not known.
func useOf(before, now *wire.ServiceUse, seconds float64) *use {
	if now == nil {
		return nil
	}
	u := &use{Spherelets: now.Spherelets, Memory: now.Memory, MemoryLimit: now.MemoryLimit}
	if before != nil && now.CPU >= before.CPU && seconds > 0 && now.MilliCPU > 0 {
		const perVCPU, whole = 1000, 100
		u.CPU = (now.CPU - before.CPU) / seconds * perVCPU / float64(now.MilliCPU) * whole
	}
	return u
}

// quantile estimates the value that a share of what is counted is at most, as if it were spread evenly
// within its bucket. In the last bucket, which has no end, it is that bucket's start; of nothing it is 0.
func quantile(counts []uint64, bounds []float64, share float64) float64 {
	var total uint64
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		return 0
	}
	rank := share * float64(total)
	from, below := 0.0, 0.0
	for i, n := range counts {
		if i >= len(bounds) {
			break
		}
		if n > 0 && below+float64(n) >= rank {
			return from + (bounds[i]-from)*(rank-below)/float64(n)
		}
		from, below = bounds[i], below+float64(n)
	}
	return from
}
