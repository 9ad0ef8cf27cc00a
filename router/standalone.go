package router

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"csph/platform"
)

// standaloneShutdown is how long requests in flight may take once a standalone router is told to stop.
const standaloneShutdown = 30 * time.Second

// reloadDelay lets a file that is being written come to rest.
const reloadDelay = 50 * time.Millisecond

// routesFile is the file of a standalone router.
type routesFile struct {
	Routes []fileRoute `json:"routes"`
}

type fileRoute struct {
	Host    string           `json:"host"`
	Targets []netip.AddrPort `json:"targets"`
}

// RunStandalone serves HTTP on the TCP address listen by the routes in the file, until ctx ends; then it
// finishes what is in flight, for 30 s at most. The router is made from c. It loads the file again whenever it changes or is
// replaced; a file that is not valid is logged and changes nothing, except at the start, when it is an
// error. The file is JSON: {"routes":[{"host":"app.example.test","targets":["127.0.0.1:9000"]}]}.
func RunStandalone(ctx context.Context, listen, routesFile string, c Config) error {
	table, err := readRoutes(routesFile)
	if err != nil {
		return err
	}
	changes, err := watchFile(routesFile)
	if err != nil {
		return err
	}
	defer changes.Close()
	r := New(c)
	if err := r.Install(table); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", routesFile, err), r.Shutdown(ctx))
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for HTTP: %w", err), r.Shutdown(ctx))
	}
	r.log.Info("serving", "address", ln.Addr().String(), "routes", len(table.Routes))
	served := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		served <- r.Serve(ctx, ln)
		cancel()
	}()
	r.follow(ctx, routesFile, changes)
	err = <-served
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), standaloneShutdown)
	defer done()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, r.Shutdown(stop))
}

// follow loads the file whenever it changes, until ctx ends.
func (r *Router) follow(ctx context.Context, file string, changes *fsnotify.Watcher) {
	rest := time.NewTimer(forever)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-changes.Events:
			if filepath.Base(e.Name) == filepath.Base(file) && !e.Has(fsnotify.Chmod) {
				rest.Reset(reloadDelay)
			}
		case err := <-changes.Errors:
			r.log.Warn("changes of the routes file may go unnoticed", "file", file, "error", err)
			rest.Reset(reloadDelay)
		case <-rest.C:
			r.reload(file)
		}
	}
}

// reload installs the file's routes, or logs why it keeps the old ones.
func (r *Router) reload(file string) {
	table, err := readRoutes(file)
	if err == nil {
		table.Version = r.table.Load().version + 1
		err = r.Install(table)
	}
	if err != nil {
		r.log.Error("the routes file was not loaded; the old routes stay", "file", file, "error", err)
		return
	}
	r.log.Info("routes loaded", "file", file, "routes", len(table.Routes), "version", table.Version)
}

// watchFile watches the folder of file, since a file that is replaced is another one.
func watchFile(file string) (*fsnotify.Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the routes file: %w", err)
	}
	if err := w.Add(filepath.Dir(file)); err != nil {
		return nil, errors.Join(fmt.Errorf("watch the routes file: %w", err), w.Close())
	}
	return w, nil
}

// readRoutes reads and checks the file.
func readRoutes(file string) (Table, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Table{}, fmt.Errorf("read the routes file: %w", err)
	}
	t, err := parseRoutes(b)
	if err != nil {
		return Table{}, fmt.Errorf("%w: %s: %w", platform.ErrInvalid, file, err)
	}
	return t, nil
}

// parseRoutes is strict: unknown keys, repeated hosts and anything after the object are errors.
func parseRoutes(b []byte) (Table, error) {
	var f routesFile
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Table{}, fmt.Errorf("line %d: %w", 1+bytes.Count(b[:d.InputOffset()], []byte("\n")), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Table{}, errors.New("there is more than one JSON object")
	}
	t := Table{Version: 1}
	seen := map[string]bool{}
	for i, x := range f.Routes {
		if x.Host == "" || seen[x.Host] {
			return Table{}, fmt.Errorf("routes[%d]: host %q is empty or repeated", i, x.Host)
		}
		seen[x.Host] = true
		t.Routes = append(t.Routes, Route{Service: x.Host, Hosts: []string{x.Host}, Targets: x.Targets})
	}
	return t, nil
}
