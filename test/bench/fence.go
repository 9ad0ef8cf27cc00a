package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"csph/api/client"
)

const (
	fenceRatio   = 1.2
	loadRate     = 200 // requests a second
	loadRequests = 1200
)

// measureFence compares the 99th percentile of an app's answers, asked through the router, beside a build that
// burns every processor with the one while nothing is built.
func measureFence(ctx context.Context, b *bench, report func(figure)) (err error) {
	s, err := startServer(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	a, err := newApp(ctx, b, s, "go-hello", "main.go")
	if err != nil {
		return err
	}
	if _, err := a.release(ctx, "bench"); err != nil {
		return err
	}
	var alone, beside []time.Duration
	for n := range b.rounds {
		quiet, err := s.p99(ctx, a.name)
		if err != nil {
			return err
		}
		burning, err := s.p99BesideBuild(ctx, a)
		if err != nil {
			return err
		}
		b.note("answers, round %d: p99 beside a build %s, alone %s", n+1, milliseconds(burning), milliseconds(quiet))
		alone, beside = append(alone, quiet), append(beside, burning)
	}
	report(ratioOf("p99 of answers beside a build, to alone", beside, alone, fenceRatio))
	return nil
}

// p99 asks a service at a steady rate; every answer is timed from when its request was due.
func (s *server) p99(ctx context.Context, service string) (time.Duration, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: loadRate}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: askTimeout}
	took, failed := make([]time.Duration, loadRequests), make([]error, loadRequests)
	var asked sync.WaitGroup
	began := time.Now()
	for i := range loadRequests {
		due := began.Add(time.Duration(i) * time.Second / loadRate)
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			asked.Wait()
			return 0, context.Cause(ctx)
		}
		asked.Go(func() {
			failed[i] = s.ask(ctx, client, service)
			took[i] = time.Since(due)
		})
	}
	asked.Wait()
	return quantile(took, 0.99), errors.Join(failed...)
}

func (s *server) ask(ctx context.Context, client *http.Client, service string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.http+"/", nil)
	if err != nil {
		return err
	}
	r.Host = service + ".localhost"
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", service, answer.Status)
	}
	return nil
}

const burnService = "burn"

// p99BesideBuild is p99 while a build of another service keeps every processor busy.
func (s *server) p99BesideBuild(ctx context.Context, a *app) (p99 time.Duration, err error) {
	// The sum keeps the command's own text from looking like its output.
	burn := "echo burning $((40 + 2)); for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; wait"
	cmd := exec.Command(filepath.Join(s.bin, "csph"), "deploy", "--service", burnService, "--build", burn, a.dir)
	token, err := os.ReadFile(filepath.Join(s.state, "admin.token"))
	if err != nil {
		return 0, err
	}
	cmd.Env = append(os.Environ(), "CSPH_URL=http://"+s.api, "CSPH_TOKEN="+strings.TrimSpace(string(token)))
	before, err := s.newest(ctx, burnService)
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start a build: %w", err)
	}
	defer func() {
		cancelErr := cmd.Process.Signal(os.Interrupt) // cancels the build; csph then exits with an error
		_ = cmd.Wait()
		err = errors.Join(err, cancelErr)
	}()
	if err := s.awaitBurning(ctx, before); err != nil {
		return 0, err
	}
	return s.p99(ctx, a.name)
}

// newest is the id of a service's newest deployment, "" while there is none.
func (s *server) newest(ctx context.Context, service string) (string, error) {
	all, err := s.client.Deployments(ctx, "", 1)
	if err != nil || len(all) == 0 || all[0].Name != service {
		return "", err
	}
	return all[0].ID, nil
}

// awaitBurning blocks until a build that came after the deployment before burns.
func (s *server) awaitBurning(ctx context.Context, before string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	id := before
	for id == "" || id == before {
		var err error
		if id, err = s.newest(ctx, burnService); err != nil {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the build: %w", context.Cause(ctx))
		}
	}
	for line, err := range s.client.BuildLog(ctx, id, client.LogQuery{Follow: true}) {
		if err != nil {
			return fmt.Errorf("read the build's log: %w", err)
		}
		if strings.Contains(line.Text, "burning 42") {
			return nil
		}
	}
	return errors.New("the build ended before it burned")
}
