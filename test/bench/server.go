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
	"syscall"
	"time"

	"csph/api/client"
	"csph/api/wire"
	"csph/test/port"
)

// server is a csphd of this run's own.
type server struct {
	state          string
	bin            string
	http, ssh, api string
	ports          []*port.Held // theirs
	cmd            *exec.Cmd
	client         *client.Client
}

const (
	startTimeout = 2 * time.Minute
	stopTimeout  = time.Minute
	askTimeout   = 10 * time.Second
)

// startServer returns when csphd is healthy and knows the key that pushes.
func startServer(ctx context.Context, b *bench) (*server, error) {
	return startServerOn(ctx, b, func(context.Context, string) error { return nil })
}

// startServerOn is startServer on a state folder that was prepared.
func startServerOn(ctx context.Context, b *bench, prepare func(ctx context.Context, state string) error) (*server, error) {
	state, err := os.MkdirTemp("/tmp", "csph-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a state folder: %w", err)
	}
	if err := prepare(ctx, state); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the state folder: %w", err), os.RemoveAll(state))
	}
	s := &server{state: state, bin: b.bin}
	for _, addr := range []*string{&s.http, &s.ssh, &s.api} {
		held, err := port.Hold()
		if err != nil {
			return nil, err
		}
		s.ports = append(s.ports, held)
		*addr = held.Address()
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *server) start(ctx context.Context) error {
	log, err := os.Create(filepath.Join(s.state, "csphd.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	// Loading base images in the background would be measured with whatever is.
	config := filepath.Join(s.state, "csphd.yaml")
	if err := os.WriteFile(config, []byte("warm_bases: false\nregistries: {allow: [127.0.0.0/8]}\n"), 0o600); err != nil {
		return err
	}
	s.cmd = exec.Command(filepath.Join(s.bin, "csphd"), "serve", "--config", config, "--state", s.state,
		"--http", s.http, "--https", "off", "--ssh", s.ssh, "--api", s.api)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return fmt.Errorf("start csphd: %w", err)
	}
	if err := s.awaitHealthy(ctx); err != nil {
		return fmt.Errorf("wait for csphd (log in %s): %w", log.Name(), err)
	}
	token, err := os.ReadFile(filepath.Join(s.state, "admin.token"))
	if err != nil {
		return err
	}
	if s.client, err = client.New("http://"+s.api, strings.TrimSpace(string(token)), "csph-bench"); err != nil {
		return err
	}
	return s.addKey(ctx)
}

func (s *server) awaitHealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		_, err := get(ctx, "http://"+s.api+"/healthz", "")
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

func (s *server) key() string { return filepath.Join(s.state, "bench-key") }

func (s *server) addKey(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.key()).CombinedOutput(); err != nil {
		return fmt.Errorf("make a key: %w: %s", err, out)
	}
	public, err := os.ReadFile(s.key() + ".pub")
	if err != nil {
		return err
	}
	_, err = s.client.AddKey(ctx, wire.NewKey{Name: "bench", Public: string(public)})
	return err
}

// close stops csphd and removes all it had.
func (s *server) close() error {
	var err error
	if s.cmd != nil {
		err = errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait())
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	out, destroyErr := exec.CommandContext(ctx, filepath.Join(s.bin, "csphd"), "destroy", "--state", s.state, "--yes").CombinedOutput()
	if destroyErr != nil {
		err = errors.Join(err, fmt.Errorf("destroy csphd: %w: %s", destroyErr, out))
	}
	for _, held := range s.ports {
		err = errors.Join(err, held.Close())
	}
	return err
}

// await follows a service's events past position after until one is of kind, and returns its position.
func (s *server) await(ctx context.Context, service, kind string, after int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for e, err := range s.client.Events(ctx, client.EventQuery{Service: service, After: after, Follow: true}) {
		if err != nil {
			return 0, fmt.Errorf("wait for event %s of %s: %w", kind, service, err)
		}
		if e.Kind == kind {
			return e.Seq, nil
		}
	}
	return 0, fmt.Errorf("wait for event %s of %s: the events ended", kind, service)
}

// page asks the router for a page of a service; anything but 200 is an error.
func (s *server) page(ctx context.Context, service, path string) (string, error) {
	return get(ctx, "http://"+s.http+path, service+".localhost")
}

func get(ctx context.Context, url, host string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	r.Host = host
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s: %.200s", url, answer.Status, body)
	}
	return string(body), err
}
