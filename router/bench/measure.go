package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// measurement is one run of wrk against one proxy.
type measurement struct {
	cost float64 // CPU time of the proxy per request, in microseconds
	p99  string
}

// series are the measurements of one proxy.
type series []measurement

var (
	requestsLine = regexp.MustCompile(`(\d+) requests in`)
	p99Line      = regexp.MustCompile(`99%\s+(\S+)`)
	errorLine    = regexp.MustCompile(`(?m)^\s+(Non-2xx.*|Socket errors.*)$`)
)

// measure loads p for d. Any failed request is an error.
func (p proxy) measure(ctx context.Context, b body, d time.Duration) (measurement, error) {
	before, err := cpu(p.pid)
	if err != nil {
		return measurement{}, err
	}
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c64", "--latency", "-d", d.String(), "http://"+p.addr+"/"+b.name).CombinedOutput()
	if err != nil {
		return measurement{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	after, err := cpu(p.pid)
	if err != nil {
		return measurement{}, err
	}
	if failed := errorLine.FindSubmatch(out); failed != nil {
		return measurement{}, fmt.Errorf("requests failed: %s", failed[1])
	}
	requests, p99 := requestsLine.FindSubmatch(out), p99Line.FindSubmatch(out)
	if requests == nil || p99 == nil {
		return measurement{}, fmt.Errorf("wrk printed %q", out)
	}
	n, err := strconv.ParseFloat(string(requests[1]), 64)
	if err != nil {
		return measurement{}, err
	}
	return measurement{cost: float64((after - before).Microseconds()) / n, p99: string(p99[1])}, nil
}

func (s series) median() measurement {
	sorted := slices.SortedFunc(slices.Values(s), func(a, b measurement) int {
		if a.cost < b.cost {
			return -1
		}
		return 1
	})
	return sorted[len(sorted)/2]
}

func (s series) cost() float64 { return s.median().cost }

// p99 returns the 99th percentile of the median measurement, as wrk prints it.
func (s series) p99() string { return s.median().p99 }
