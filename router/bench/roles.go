package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"csph/router"
)

// runRouter is the router with its access log on.
func runRouter(ctx context.Context, o options) (err error) {
	if o.profile != "" {
		stop, err := startProfile(o.profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	access, err := os.Create(o.accessLog)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, access.Close()) }()
	target, err := netip.ParseAddrPort(o.target)
	if err != nil {
		return err
	}
	r := router.New(router.Config{AccessLog: router.AccessTo(access)})
	if _, err := r.Swap(ctx, "bench", []string{"127.0.0.1"}, []netip.AddrPort{target}); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	served := r.Serve(ctx, ln)
	if errors.Is(served, context.Canceled) {
		served = nil
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(served, r.Shutdown(stop))
}

func startProfile(folder string) (stop func(), err error) {
	f, err := os.Create(filepath.Join(folder, "router.pprof"))
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
