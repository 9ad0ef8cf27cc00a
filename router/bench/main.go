package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

type options struct {
	role      string
	rounds    int
	seconds   int
	profile   string
	listen    string
	target    string
	accessLog string
	sockets   int
}

func main() {
	var o options
	flag.StringVar(&o.role, "role", "", "run as one of the measured processes: router or reverse")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the median counts")
	flag.IntVar(&o.seconds, "seconds", 3, "length of one measurement")
	flag.StringVar(&o.profile, "pprof", "", "folder for a CPU profile of the router")
	flag.StringVar(&o.listen, "listen", "", "address of a measured process")
	flag.StringVar(&o.target, "target", "", "its target")
	flag.StringVar(&o.accessLog, "access-log", "", "its access log")
	flag.IntVar(&o.sockets, "websockets", 0, "measure so many idle websockets instead of requests")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	switch o.role {
	case "router":
		return runRouter(ctx, o)
	case "reverse":
		return runReverse(ctx, o)
	case "":
		if o.sockets > 0 {
			return holdSockets(ctx, o, o.sockets)
		}
		return compare(ctx, o)
	}
	return fmt.Errorf("there is no role %q", o.role)
}

// compare starts every proxy before one backend and prints what a request costs each.
func compare(ctx context.Context, o options) (err error) {
	for _, tool := range []string{"nginx", "wrk"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w; install it (apt-get install nginx-light wrk)", err)
		}
	}
	dir, err := os.MkdirTemp("", "router-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	proxies, stop, err := startAll(ctx, dir, o)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	fmt.Printf("%-8s %-10s %12s %10s %12s\n", "body", "proxy", "CPU/request", "p99", "ratio to nginx")
	for _, body := range bodies() {
		if err := compareBody(ctx, o, proxies, body); err != nil {
			return err
		}
	}
	return nil
}

// compareBody measures the proxies in turns, so that a change of the machine's load meets all of them.
func compareBody(ctx context.Context, o options, proxies []proxy, body body) error {
	results := make([]series, len(proxies))
	for range o.rounds {
		for i, p := range proxies {
			m, err := p.measure(ctx, body, time.Duration(o.seconds)*time.Second)
			if err != nil {
				return fmt.Errorf("measure %s: %w", p.name, err)
			}
			results[i] = append(results[i], m)
		}
	}
	for i, p := range proxies {
		cost, floor := results[i].cost(), results[0].cost()
		fmt.Printf("%-8s %-10s %9.2f µs %10s %12.2f\n", body.name, p.name, cost, results[i].p99(), cost/floor)
	}
	return nil
}

// body is what the backend answers with.
type body struct {
	name string
	size int
}

func bodies() []body {
	return []body{{"128B", 128}, {"16K", 16 << 10}, {"1M", 1 << 20}}
}

// writeBodies makes the files that the backend serves.
func writeBodies(dir string) error {
	for _, b := range bodies() {
		if err := os.WriteFile(filepath.Join(dir, b.name), make([]byte, b.size), 0o644); err != nil {
			return err
		}
	}
	return nil
}
