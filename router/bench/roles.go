package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"csph/router"
)

// runRouter is the router with its access log on, over plain HTTP and TLS.
func runRouter(ctx context.Context, o options) (err error) {
	if o.profile != "" {
		stop, err := startProfile(o.profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	access, err := os.OpenFile(filepath.Join(o.dir, "csph.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, access.Close()) }()
	r := router.New(router.Config{AccessLog: router.AccessTo(access), Limits: router.Limits{StreamSpread: o.spread}})
	defer freeWhenTold(ctx)()
	target, err := netip.ParseAddrPort(o.target)
	if err != nil {
		return err
	}
	if err := r.Install(tableOf(o.routes, target)); err != nil {
		return err
	}
	listeners, err := listen(o)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, ln := range listeners {
		group.Go(func() error { return r.Serve(ctx, ln) })
	}
	if o.swaps > 0 {
		group.Go(func() error { return keepSwapping(ctx, r, o.swaps, target) })
	}
	served := group.Wait()
	if errors.Is(served, context.Canceled) {
		served = nil
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*o.spread+5*time.Second)
	defer cancel()
	if err := r.Shutdown(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(served, err)
	}
	return served
}

func listen(o options) ([]net.Listener, error) {
	plain, err := net.Listen("tcp", o.listen)
	if err != nil || o.secure == "" {
		return []net.Listener{plain}, err
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(o.dir, "cert.pem"), filepath.Join(o.dir, "key.pem"))
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	secure, err := tls.Listen("tcp", o.secure, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}})
	return []net.Listener{plain, secure}, err
}

// tableOf is n routes; the first has the host names that the loads use.
func tableOf(n int, target netip.AddrPort) router.Table {
	t := router.Table{Version: 1}
	for i := range n {
		host := fmt.Sprintf("app-%d.example.test", i)
		hosts := []string{host}
		if i == 0 {
			hosts = []string{host, "127.0.0.1", "localhost"}
		}
		t.Routes = append(t.Routes, router.Route{Service: fmt.Sprintf("svc_%d", i), Hosts: hosts, Targets: []netip.AddrPort{target}})
	}
	return t
}

// keepSwapping swaps the targets of services in turn, so many times a second.
func keepSwapping(ctx context.Context, r *router.Router, perSecond int, target netip.AddrPort) error {
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		n := 1 + i%9999
		other := netip.AddrPortFrom(target.Addr(), uint16(1024+i%60000))
		if _, err := r.Swap(ctx, fmt.Sprintf("svc_%d", n), []string{fmt.Sprintf("app-%d.example.test", n)}, []netip.AddrPort{target, other}); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func startProfile(folder string) (stop func(), err error) {
	f, err := os.Create(filepath.Join(folder, fmt.Sprintf("router-%d.pprof", os.Getpid())))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}

// runReverse is the standard library's proxy, with as many idle connections as it can use.
func runReverse(ctx context.Context, o options) error {
	target := &url.URL{Scheme: "http", Host: o.target}
	transport := &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024, DisableCompression: true}
	quiet := log.New(io.Discard, "", 0) // wrk breaks connections off when its time is up
	proxy := &httputil.ReverseProxy{ErrorLog: quiet, Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
	}}
	server := &http.Server{Addr: o.listen, Handler: proxy}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// freeWhenTold gives memory that is not in use back to the system at each SIGUSR1, as the runtime does by
// itself within minutes. stop ends that.
func freeWhenTold(ctx context.Context) (stop func()) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for {
			select {
			case <-told:
				debug.FreeOSMemory()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(told)
		cancel()
	}
}

// runEcho is an app that accepts every websocket and then says nothing.
func runEcho(ctx context.Context, o options) error {
	ln, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	for {
		c, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go holdSocket(c)
	}
}

// holdSocket upgrades and waits for the end. The process ends with its sockets: nobody waits for them.
func holdSocket(c net.Conn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 1024)
	if _, err := http.ReadRequest(r); err != nil {
		return
	}
	if _, err := io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"); err != nil {
		return
	}
	_, _ = r.ReadByte()
}
