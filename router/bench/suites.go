package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
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

// part measures proxies before one backend, with each load in turn.
func part(ctx context.Context, o options, names []string, loads ...namedLoad) (err error) {
	stop, err := readHAProxyLog(o.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
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
	for _, l := range loads {
		results, err := inTurns(ctx, o, proxies, l.load)
		if err != nil {
			return err
		}
		printTable(l.name, proxies, results)
		o.report.judge(l.name, proxies, results, l.aims)
	}
	return nil
}

type namedLoad struct {
	name string
	load load
	aims []aim
}

func compareHTTP(ctx context.Context, o options) error {
	var loads []namedLoad
	for _, b := range bodies() {
		aims := []aim{{"csph", nginxAsShipped, 0.85, 1}, {"csph", nginxBuffered, 0.85, 1}, {"csph", "caddy", 1.0 / 6, 0}}
		loads = append(loads, namedLoad{"HTTP/1.1, " + b.name, wrk("http", "/"+b.name), aims})
	}
	return part(ctx, o, kinds(), loads...)
}

func compareTLS(ctx context.Context, o options) error {
	aims := []aim{{"csph", nginxAsShipped, 1.3, 0}}
	return part(ctx, o, []string{nginxAsShipped, "csph", "caddy"},
		namedLoad{"TLS 1.3 kept alive, 128B", wrk("https", "/128B"), aims}, namedLoad{"TLS 1.3 kept alive, 16K", wrk("https", "/16K"), aims})
}

func compareHandshakes(ctx context.Context, o options) error {
	aims := []aim{{"csph", nginxAsShipped, 1.5, 0}}
	return part(ctx, o, []string{nginxAsShipped, "csph", "caddy"},
		namedLoad{"TLS 1.3, full handshake", handshakes(false), aims}, namedLoad{"TLS 1.3, resumed", handshakes(true), aims})
}

func compareHTTP2(ctx context.Context, o options) error {
	aims := []aim{{"csph", "caddy", 0.5, 0}}
	return part(ctx, o, []string{"caddy", "csph", nginxAsShipped},
		namedLoad{"HTTP/2, 128B", h2load("/128B"), aims}, namedLoad{"HTTP/2, 16K", h2load("/16K"), aims})
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
