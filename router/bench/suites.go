package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

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
	if err := os.Chmod(dir, 0o755); err != nil { // nginx drops its rights
		return err
	}
	for _, b := range bodies() {
		if err := os.WriteFile(filepath.Join(dir, b.name), make([]byte, b.size), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// part measures proxies before one backend, with each load in turn. All are started anew for each launch: where the kernel
// puts processes that wake each other makes a difference that lasts as long as they do.
func part(ctx context.Context, o options, names []string, loads ...namedLoad) (err error) {
	stop, err := readHAProxyLog(o.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	all := make([]outcome, len(loads))
	for i, l := range loads {
		all[i] = outcome{of: map[string]series{}, names: names}
		if l.only != nil {
			all[i].names = l.only
		}
	}
	for range o.launches {
		if err := launch(ctx, o, names, loads, all); err != nil {
			return err
		}
	}
	for i, l := range loads {
		all[i].print(l.name)
		o.report.judge(l.name, all[i].of, l.aims)
	}
	return nil
}

// launch starts the proxies and measures one share of the rounds.
func launch(ctx context.Context, o options, names []string, loads []namedLoad, all []outcome) (err error) {
	h, err := openHouse(ctx, o)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	proxies, err := h.all(ctx, names...)
	if err != nil {
		return err
	}
	for i, l := range loads {
		if err := all[i].measure(ctx, o, proxies, l.load); err != nil {
			return err
		}
	}
	return nil
}

type namedLoad struct {
	name string
	load load
	aims []aim
	only []string // of the proxies; nil: all
}

// steadyRate is how often a second each body is asked for when the load is the same for all: about half of what one
// process of nginx can answer.
func (b body) steadyRate() int {
	if b.size > 100<<10 {
		return 300
	}
	return 15_000
}

// compareHTTP compares the cost of a request where each proxy answers as many as it can, and the 99th percentile where all
// answer the same: saturated, the time of an answer is that of the queues before it.
func compareHTTP(ctx context.Context, o options) error {
	names := strings.Split(o.proxies, "; ")
	frugal := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "caddy" || name == "httputil" })
	var loads []namedLoad
	for _, b := range bodies() {
		if !slices.Contains(strings.Split(o.sizes, ","), b.name) {
			continue
		}
		name, rate := "HTTP/1.1, "+b.name, b.steadyRate()
		loads = append(loads, namedLoad{name, wrk("http", "/"+b.name), []aim{
			{"csph", nginxAsShipped, 0.85, 0}, {"csph", nginxBuffered, 0.85, 0}, {"csph", "caddy", 1.0 / 6, 0}}, nil})
		loads = append(loads, namedLoad{fmt.Sprintf("%s, %d/s", name, rate), steady("/"+b.name, rate), []aim{
			{"csph", nginxAsShipped, 0, 1}, {"csph", nginxBuffered, 0, 1}}, frugal})
	}
	return part(ctx, o, names, loads...)
}

func compareTLS(ctx context.Context, o options) error {
	aims := []aim{{"csph", nginxAsShipped, 1.3, 0}}
	return part(ctx, o, []string{nginxAsShipped, "csph", "caddy"},
		namedLoad{"TLS 1.3 kept alive, 128B", wrk("https", "/128B"), aims, nil}, namedLoad{"TLS 1.3 kept alive, 16K", wrk("https", "/16K"), aims, nil})
}

func compareHandshakes(ctx context.Context, o options) error {
	aims := []aim{{"csph", nginxAsShipped, 1.5, 0}}
	return part(ctx, o, []string{nginxAsShipped, "csph", "caddy"},
		namedLoad{"TLS 1.3, full handshake", handshakes(false), aims, nil}, namedLoad{"TLS 1.3, resumed", handshakes(true), aims, nil})
}

func compareHTTP2(ctx context.Context, o options) error {
	aims := []aim{{"csph", "caddy", 0.5, 0}}
	return part(ctx, o, []string{"caddy", "csph", nginxAsShipped},
		namedLoad{"HTTP/2, 128B", h2load("/128B"), aims, nil}, namedLoad{"HTTP/2, 16K", h2load("/16K"), aims, nil})
}

// readHAProxyLog takes what HAProxy logs, as a syslog daemon would.
func readHAProxyLog(dir string) (stop func() error, err error) {
	path := filepath.Join(dir, "haproxy.log.sock")
	_ = os.Remove(path) // of the part before
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, conn) // ends with the connection
	}()
	return func() error {
		err := conn.Close()
		<-read
		return err
	}, nil
}
