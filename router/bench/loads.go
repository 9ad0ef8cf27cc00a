package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkP99      = regexp.MustCompile(`99%\s+([\d.]+)(us|ms|s)`)
	wrkErrors   = regexp.MustCompile(`(?m)^\s+(Non-2xx.*|Socket errors.*)$`)
	h2Requests  = regexp.MustCompile(`requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored`)
)

// wrk is 64 connections that are kept alive, asking for path.
func wrk(scheme, path string) load {
	return func(ctx context.Context, p proxy, d time.Duration) (float64, time.Duration, error) {
		addr := p.addr
		if scheme == "https" {
			addr = p.secure
		}
		out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c64", "--latency", "-d", d.String(), scheme+"://"+addr+path).CombinedOutput()
		if err != nil {
			return 0, 0, fmt.Errorf("wrk: %w: %s", err, out)
		}
		if failed := wrkErrors.FindSubmatch(out); failed != nil {
			return 0, 0, fmt.Errorf("requests failed: %s", failed[1])
		}
		requests, p99 := wrkRequests.FindSubmatch(out), wrkP99.FindSubmatch(out)
		if requests == nil || p99 == nil {
			return 0, 0, fmt.Errorf("wrk printed %q", out)
		}
		took, err := time.ParseDuration(string(p99[1]) + string(p99[2]))
		if err != nil {
			return 0, 0, err
		}
		n, err := strconv.ParseFloat(string(requests[1]), 64)
		return n, took, err
	}
}

// h2load is 8 connections of HTTP/2 with 16 requests each at a time.
func h2load(path string) load {
	return func(ctx context.Context, p proxy, d time.Duration) (float64, time.Duration, error) {
		out, err := exec.CommandContext(ctx, "h2load", "-t1", "-c8", "-m16", "-D", strconv.Itoa(int(d.Seconds())), "https://"+p.secure+path).CombinedOutput()
		if err != nil {
			return 0, 0, fmt.Errorf("h2load: %w: %s", err, out)
		}
		m := h2Requests.FindSubmatch(out)
		if m == nil {
			return 0, 0, fmt.Errorf("h2load printed %q", out)
		}
		if string(m[2]) != "0" || string(m[3]) != "0" {
			return 0, 0, fmt.Errorf("requests failed: %s", m[0])
		}
		n, err := strconv.ParseFloat(string(m[1]), 64)
		return n, 0, err
	}
}

// handshakes makes a connection of TLS 1.3 for each request; resumed ones go on with a session of before.
func handshakes(resume bool) load {
	return func(ctx context.Context, p proxy, d time.Duration) (float64, time.Duration, error) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		var n atomic.Int64
		var clients sync.WaitGroup
		failed := make(chan error, 1)
		for range 8 {
			config := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}}
			if resume {
				config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			}
			clients.Go(func() {
				for first := true; ctx.Err() == nil; first = false {
					if err := shake(p.secure, config, resume && !first); err != nil {
						select {
						case failed <- err:
						default:
						}
						return
					}
					n.Add(1)
				}
			})
		}
		clients.Wait()
		select {
		case err := <-failed:
			return 0, 0, err
		default:
			return float64(n.Load()), 0, nil
		}
	}
}

// shake asks once on a connection of its own.
func shake(addr string, config *tls.Config, resumed bool) error {
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := tls.DialWithDialer(&d, "tcp", addr, config)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.ConnectionState().DidResume != resumed {
		return fmt.Errorf("resumed is %v", !resumed)
	}
	if _, err := io.WriteString(c, "GET /128B HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
