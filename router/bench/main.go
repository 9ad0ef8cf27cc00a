package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

type options struct {
	role     string
	only     string
	rounds   int
	launches int
	seconds  int
	sockets  int
	caddy    string
	proxies  string
	sizes    string
	profile  string
	shared   bool
	report   *report

	// of a measured process
	listen, secure, target, dir string
	routes, swaps, rate         int
	path                        string
	spread                      time.Duration
}

func (o options) duration() time.Duration { return time.Duration(o.seconds) * time.Second }

func main() {
	var o options
	flag.StringVar(&o.only, "only", "http,tls,handshakes,h2,table,sockets", "parts to measure")
	flag.IntVar(&o.rounds, "rounds", 9, "rounds; the medians count")
	flag.IntVar(&o.launches, "launches", 3, "how often the proxies are started anew for them")
	flag.IntVar(&o.seconds, "seconds", 1, "length of one measurement")
	flag.IntVar(&o.sockets, "sockets", 50000, "idle websockets, of as many routers as the limit of descriptors asks for")
	flag.StringVar(&o.proxies, "proxies", strings.Join(kinds(), "; "), "which of them HTTP/1.1 is measured of")
	flag.StringVar(&o.sizes, "sizes", "128B,16K,1M", "of its bodies")
	flag.BoolVar(&o.shared, "host-network", false, "measure in the machine's own network")
	flag.StringVar(&o.caddy, "caddy", "bin/caddy", "Caddy's binary")
	flag.StringVar(&o.profile, "pprof", "", "folder for CPU profiles of the router")
	flag.StringVar(&o.role, "role", "", "run as one of the processes: alone, router, reverse, copy, splice, load, echo or hold")
	flag.StringVar(&o.listen, "listen", "", "its address")
	flag.StringVar(&o.secure, "secure", "", "its address of TLS")
	flag.StringVar(&o.target, "target", "", "its target")
	flag.StringVar(&o.dir, "dir", "", "folder of its certificate and its access log")
	flag.StringVar(&o.path, "path", "/", "what a load asks for")
	flag.IntVar(&o.rate, "rate", 1000, "how often a second it does")
	flag.IntVar(&o.routes, "routes", 1, "routes in its table")
	flag.IntVar(&o.swaps, "swaps", 0, "swaps a second")
	flag.DurationVar(&o.spread, "spread", 0, "how long its websockets are ended for")
	flag.Parse()
	o.launches = max(o.launches, 1)
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
	case "copy", "splice":
		return runFloor(ctx, o)
	case "load":
		return runSteadyLoad(o)
	case "echo":
		return runEcho(ctx, o)
	case "hold":
		return runHold(ctx, o)
	case "":
		if o.shared {
			return compare(ctx, o)
		}
		return startAlone(ctx, o)
	case "alone":
		return compareAlone(ctx, o)
	}
	return fmt.Errorf("there is no role %q", o.role)
}

// compare runs the parts that are asked for, one after the other.
func compare(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "router-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o.dir, o.report = dir, &report{}
	if err := errors.Join(writeBodies(dir), writeCertificate(dir)); err != nil {
		return err
	}
	parts := map[string]func(context.Context, options) error{
		"http": compareHTTP, "tls": compareTLS, "handshakes": compareHandshakes, "h2": compareHTTP2,
		"table": measureTable, "sockets": measureSockets,
	}
	for _, name := range strings.Split(o.only, ",") {
		part := parts[name]
		if part == nil {
			return fmt.Errorf("there is no part %q", name)
		}
		if err := part(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	o.report.print()
	return nil
}
