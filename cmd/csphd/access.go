package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"csph/logs"
	"csph/platform"
	"csph/router"
)

// accessConfig says which requests are logged. A service is named as everywhere: name, env/name or
// project/env/name.
type accessConfig struct {
	Every    int            `yaml:"every"`    // one request in so many; 0: none
	Services map[string]int `yaml:"services"` // the same for single services
}

func (c accessConfig) validate() error {
	if c.Every < 0 {
		return fmt.Errorf("access_log.every: %d is not 0 or more", c.Every)
	}
	for name, n := range c.Services {
		if n < 0 {
			return fmt.Errorf("access_log.services.%s: %d is not 0 or more", name, n)
		}
	}
	return nil
}

// everyOf is the router's number for svc: negative for none, 0 for what is said of all services.
func (c accessConfig) everyOf(svc platform.Service, project string) int {
	for _, name := range []string{project + "/" + svc.EnvName + "/" + svc.Name, svc.EnvName + "/" + svc.Name, svc.Name} {
		if n, ok := c.Services[name]; ok {
			return none(n)
		}
	}
	return 0
}

// none makes the router's "none" of 0.
func none(every int) int {
	if every == 0 {
		return -1
	}
	return every
}

// hideLogs keeps the logs of a state folder to their owner: apps write what they like, secrets included.
func hideLogs(state string) error {
	dir := filepath.Join(state, "logs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of logs: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("keep the logs to their owner: %w", err)
	}
	return nil
}

// unrouted is the log of requests to hosts that no service has.
const unrouted = "unrouted"

// What the access log of one service takes on disk at most: (accessKeep + 1) * accessBytes.
const (
	accessBytes = 16 << 20
	accessKeep  = 3
	accessOpen  = 256 // files at a time
)

// accessFiles writes the access log of each service into a log of its own. While an old csphd drains,
// two processes do: lines stay whole, and may come to lie in a rotated file a moment late.
type accessFiles struct {
	dir string

	mu   sync.Mutex
	open map[string]*logs.Writer
}

func newAccessFiles(state string) *accessFiles {
	return &accessFiles{dir: filepath.Join(state, "logs", "access"), open: map[string]*logs.Writer{}}
}

// WriteAccess implements router.AccessLog.
func (a *accessFiles) WriteAccess(service string, text []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if service == "" {
		service = unrouted
	}
	w, err := a.writer(service)
	if err != nil {
		return err
	}
	now := time.Now()
	var lines []logs.Line
	for line := range bytes.Lines(text) {
		lines = append(lines, logs.Line{Time: now, Stream: logs.Out, Text: string(bytes.TrimSuffix(line, []byte("\n")))})
	}
	return w.AppendLines(lines...)
}

// writer is the log of a service. Beyond so many open ones all are closed first. a.mu is held.
func (a *accessFiles) writer(service string) (*logs.Writer, error) {
	if w := a.open[service]; w != nil {
		return w, nil
	}
	if len(a.open) >= accessOpen {
		if err := a.closeAll(); err != nil {
			return nil, err
		}
	}
	w, err := logs.Create(a.path(service), logs.Options{MaxBytes: accessBytes, Keep: accessKeep})
	if err == nil {
		a.open[service] = w
	}
	return w, err
}

func (a *accessFiles) path(service string) string { return filepath.Join(a.dir, service+".log") }

func (a *accessFiles) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closeAll()
}

// closeAll closes the files; they are opened again when they are needed. a.mu is held.
func (a *accessFiles) closeAll() error {
	var errs []error
	for _, w := range a.open {
		errs = append(errs, w.Close())
	}
	clear(a.open)
	return errors.Join(errs...)
}

// removeAccessLog removes the access log of a service that is gone.
func removeAccessLog(state, service string) error {
	files, err := filepath.Glob(newAccessFiles(state).path(service) + "*")
	for _, path := range files {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// options are what the router is told of a service beside its targets.
func (s *server) options(ctx context.Context, service string) (router.Options, error) {
	svc, err := s.db.Service(ctx, service)
	if err != nil {
		return router.Options{}, err
	}
	o := router.Options{BodyBytes: svc.Config.MaxBodyMB << 20, Sticky: svc.Config.Sticky}
	if o.Absence, err = s.absence(ctx, svc); err != nil {
		return o, err
	}
	if len(s.config.AccessLog.Services) == 0 {
		return o, nil
	}
	project, err := s.db.Project(ctx, svc.Project)
	o.AccessEvery = s.config.AccessLog.everyOf(svc, project.Name)
	return o, err
}

// absence is what clients are told of a service while it has no spherelet that serves.
func (s *server) absence(ctx context.Context, svc platform.Service) (router.Absence, error) {
	if svc.Suspended {
		return router.Suspended, nil
	}
	newest, err := s.db.Deployments(ctx, svc.ID, 1)
	switch {
	case err != nil:
		return router.NotLive, err
	case len(newest) == 0:
		return router.NotLive, nil
	case !newest[0].Status.Settled():
		return router.Starting, nil
	}
	return router.Failing, nil
}

// tandem is the router as deploy wants it, with what the configuration says of services.
func (s *server) tandem() tandem {
	t := s.front.inTandem()
	t.options = s.options
	return t
}
