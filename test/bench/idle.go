package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	idleSize     = 64 << 20 // of csphd without its children
	idleGrowth   = 20 << 20 // by so many idle services:
	idleServices = 100
	deployAtOnce = 4
	settleTime   = 130 * time.Second // the Go runtime collects garbage every two minutes when nothing happens
)

// measureIdle compares csphd's resident size with nothing, and by how much idleServices more services make it grow. The
// first figure includes one service, so that the second one has none of what any deployment loads.
func measureIdle(ctx context.Context, b *bench, report func(figure)) (err error) {
	s, err := startServer(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	before, err := s.sizeWith(ctx, b, 1, 0)
	if err != nil {
		return err
	}
	report(growthOf("resident size of csphd, idle", before, 0, idleSize))
	after, err := s.sizeWith(ctx, b, idleServices, before+idleGrowth)
	if err != nil {
		return err
	}
	report(growthOf(fmt.Sprintf("resident size with %d more services", idleServices), after, before, idleGrowth))
	return nil
}

// sizeWith deploys so many more services and returns the resident size of csphd once it is at rest.
func (s *server) sizeWith(ctx context.Context, b *bench, services int, enough int64) (int64, error) {
	began := time.Now()
	if err := s.deployIdle(ctx, b, services); err != nil {
		return 0, err
	}
	b.note("%d services are live after %s", services, time.Since(began).Round(time.Second))
	return s.sizeAtRest(ctx, enough)
}

// sizeAtRest is the resident size of csphd as soon as it is below enough, or else the least of a time in which the Go
// runtime has collected its garbage.
func (s *server) sizeAtRest(ctx context.Context, enough int64) (int64, error) {
	for least, deadline := int64(math.MaxInt64), time.Now().Add(settleTime); ; {
		size, err := residentSize(s.cmd.Process.Pid)
		least = min(least, size)
		if err != nil || least < enough || time.Now().After(deadline) {
			return least, err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// residentSize is VmRSS of proc(5), in bytes.
func residentSize(pid int) (int64, error) { return sizeOf(pid, "VmRSS:") }

// peakSize is VmHWM of proc(5), in bytes: the largest resident size until now.
func peakSize(pid int) (int64, error) { return sizeOf(pid, "VmHWM:") }

func sizeOf(pid int, field string) (int64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(status), field)
	if !found {
		return 0, fmt.Errorf("process %d has no %s", pid, field)
	}
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kilobytes << 10, err
}

// deployIdle deploys one image as so many services.
func (s *server) deployIdle(ctx context.Context, b *bench, services int) error {
	ref, stop, err := serveImage(ctx, b, s.state)
	if err != nil {
		return err
	}
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(deployAtOnce)
	for n := range services {
		g.Go(func() error { return s.deployImage(ctx, fmt.Sprintf("idle-%d-of-%d", n+1, services), ref) })
	}
	return g.Wait()
}
