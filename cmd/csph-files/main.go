// Command csph-files serves a static site from within its own spherelet (SPEC section 3: static sites,
// run.routing).
//
//	csph-files [FILE]
//
// FILE, /.csph/site.json where none is named, holds a platform.Site as JSON: builds put both into the images of
// sites. It listens on all addresses and the port in PORT, 8080 without one. On SIGTERM it answers what has
// begun and exits with status 0. Requests are logged by the router, not here.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"csph/platform"
	"csph/router/files"
)

const (
	siteFile    = "/.csph/site.json"
	defaultPort = "8080"

	headerTimeout = 10 * time.Second
	idleTimeout   = 5 * time.Minute // more than the router's: it is the one to close
	// lastAnswers is how long answers that have begun may take after SIGTERM; then comes SIGKILL.
	lastAnswers = 25 * time.Second
	// collectAt keeps the heap of an idle server small; what is kept of a large site counts for itself.
	collectAt = 50
)

func main() {
	if len(os.Args) > 2 {
		fmt.Fprintln(os.Stderr, "usage: csph-files [FILE]")
		os.Exit(2)
	}
	name := siteFile
	if len(os.Args) == 2 {
		name = os.Args[1]
	}
	debug.SetGCPercent(collectAt)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, name, os.Getenv("PORT")); err != nil {
		fmt.Fprintf(os.Stderr, "csph: %v\n", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, name, port string) error {
	site, err := open(name)
	if err != nil {
		return err
	}
	defer site.Close()
	if port == "" {
		port = defaultPort
	}
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return serve(ctx, listener, site)
}

func open(name string) (*files.Site, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read how the site is served: %w", err)
	}
	var config platform.Site
	if err := json.Unmarshal(b, &config); err != nil {
		return nil, fmt.Errorf("read how the site is served: %s: %w", name, err)
	}
	return files.Open(config)
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("end the last answers: %w", err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
