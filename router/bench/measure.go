package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// load asks a proxy for a while and returns how many requests were answered, and their 99th percentile
// where it knows that. Any failed request is an error.
type load func(ctx context.Context, p proxy, d time.Duration) (answered float64, p99 time.Duration, err error)

// measurement is one run of a load against one proxy.
type measurement struct {
	cost float64 // CPU time of the proxy per request, in microseconds
	p99  time.Duration
}

// series are the measurements of one proxy.
type series []measurement

// measure loads p for d.
func (p proxy) measure(ctx context.Context, ask load, d time.Duration) (measurement, error) {
	before, err := cpu(p.pid)
	if err != nil {
		return measurement{}, err
	}
	n, p99, err := ask(ctx, p, d)
	if err != nil {
		return measurement{}, err
	}
	after, err := cpu(p.pid)
	if err != nil {
		return measurement{}, err
	}
	if n == 0 {
		return measurement{}, errors.New("nothing was answered")
	}
	return measurement{cost: float64((after - before).Microseconds()) / n, p99: p99}, nil
}

// cost is the median of the costs.
func (s series) cost() float64 { return s.median(measurement.microseconds) }

// p99 is the median of the 99th percentiles.
func (s series) p99() time.Duration { return time.Duration(s.median(measurement.tail)) }

func (m measurement) microseconds() float64 { return m.cost }
func (m measurement) tail() float64         { return float64(m.p99) }

func (s series) median(of func(measurement) float64) float64 {
	values := make([]float64, len(s))
	for i, m := range s {
		values[i] = of(m)
	}
	return middle(values)
}

// to is the median of the ratios of what two proxies did in the same round: what else the machine did then has
// met both.
func (s series) to(other series, of func(measurement) float64) float64 {
	ratios := make([]float64, len(s))
	for i := range s {
		ratios[i] = of(s[i]) / of(other[i])
	}
	return middle(ratios)
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// outcome is what the proxies came to with one load.
type outcome struct {
	names []string // in the order of their lines
	of    map[string]series
}

// measure measures proxies round by round, so that a change of the machine's load meets all of them.
func (all outcome) measure(ctx context.Context, o options, proxies []proxy, ask load) error {
	for range (o.rounds + o.launches - 1) / o.launches {
		for _, p := range proxies {
			if !slices.Contains(all.names, p.name) {
				continue
			}
			m, err := p.measure(ctx, ask, o.duration())
			if err != nil {
				return fmt.Errorf("measure %s: %w", p.name, err)
			}
			all.of[p.name] = append(all.of[p.name], m)
		}
	}
	return nil
}

// print prints a line for each proxy: CPU a request, p99, and the ratio of the cost to the first one's.
func (all outcome) print(what string) {
	measured := slices.DeleteFunc(slices.Clone(all.names), func(name string) bool { return all.of[name] == nil })
	if len(measured) == 0 {
		return
	}
	first := measured[0]
	fmt.Printf("\n%-26s %12s %10s %16s\n", what, "CPU/request", "p99", "ratio to "+first)
	for _, name := range measured {
		own := all.of[name]
		p99 := "-"
		if d := own.p99(); d > 0 {
			p99 = d.Round(10 * time.Microsecond).String()
		}
		fmt.Printf("%-26s %9.2f µs %10s %16.2f\n", name, own.cost(), p99, own.to(all.of[first], measurement.microseconds))
	}
}

// cpu returns the CPU time, user and system, that a process has taken (proc(5)).
func cpu(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("read /proc/%d/stat: %q", pid, b)
	}
	const perSecond = 100 // USER_HZ
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / perSecond, errors.Join(err1, err2)
}

// resident returns the memory that a process has, in bytes (VmRSS, proc(5)).
func resident(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("no VmRSS in the status of %d", pid)
}
