package gitd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/gliderlabs/ssh"

	"csph/gitd/bare"
	"csph/gitd/remote"
)

// Server receives pushes. Make it with New, then Listen, Serve and Shutdown, each once.
type Server struct {
	config   Config
	keys     Keys
	services Services
	deployer Deployer
	narrator Narrator
	log      *slog.Logger

	store    *bare.Store
	remote   *remote.Client
	ssh      *ssh.Server
	listener net.Listener
	gate     *gate
	tidy     *housekeeper

	alive context.Context // ends when the server is to stop
	stop  context.CancelFunc
	tasks tasks // connections, sessions and what they started
}

// New prepares the state folder: the host key, and the repositories, swept of what a killed process
// left. It does not listen yet.
func New(config Config, keys Keys, services Services, deployer Deployer, narrator Narrator, log *slog.Logger) (*Server, error) {
	if err := config.setDefaults(); err != nil {
		return nil, err
	}
	signer, err := hostKey(filepath.Join(config.Dir, "ssh", "host_ed25519"))
	if err != nil {
		return nil, err
	}
	store, err := bare.Open(filepath.Join(config.Dir, "repos"), filepath.Join(config.Dir, "sources"), config.Git, config.Limits)
	if err != nil {
		return nil, fmt.Errorf("open repositories: %w", err)
	}
	s := &Server{
		config: config, keys: keys, services: services, deployer: deployer, narrator: narrator, log: log,
		store: store, remote: remote.New(config.Remote), gate: newGate(config.PerAddress, config.Total),
	}
	s.alive, s.stop = context.WithCancel(context.Background())
	s.tidy = newHousekeeper(config.Housekeep, log)
	s.ssh = s.newSSH(signer)
	return s, nil
}

// Listen binds the address; Addr then tells it.
func (s *Server) Listen() error {
	listener, err := net.Listen("tcp", s.config.Addr)
	if err != nil {
		return fmt.Errorf("listen for git pushes: %w", err)
	}
	s.listener = listener
	return nil
}

// ListenOn takes the place of Listen where there is a listener already. Serve closes it.
func (s *Server) ListenOn(l net.Listener) { s.listener = l }

// Addr is the address that Listen has bound.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Resolve asks a repository elsewhere what commit a reference is at, which may be "" for its default branch.
func (s *Server) Resolve(ctx context.Context, from remote.Repository, ref string) (Commit, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	name, id, err := s.remote.Resolve(ctx, from, ref)
	if err != nil {
		return Commit{}, err
	}
	return Commit{Ref: name, ID: id.String()}, nil
}

// Transport carries requests to the hosts that repositories may be at, and to no other.
func (s *Server) Transport() http.RoundTripper { return s.remote.Transport() }

// Delete removes the repository and the checkout of a service that is gone.
func (s *Server) Delete(ctx context.Context, service string) error {
	return s.store.Delete(ctx, service)
}

// shutdownGrace is how long sessions may take to say goodbye when Serve ends by its context.
const shutdownGrace = 10 * time.Second

// Serve accepts connections until ctx ends or Shutdown is called, then ends the sessions and waits
// for them, at most 10 s. It returns nil after an orderly end.
func (s *Server) Serve(ctx context.Context) error {
	defer context.AfterFunc(ctx, s.begin)()
	err := s.accept()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	return errors.Join(err, s.Shutdown(grace))
}

// Shutdown stops accepting, cancels what is still building, ends the sessions and waits for all of
// that until ctx ends; connections that are left then are cut.
func (s *Server) Shutdown(ctx context.Context) error {
	s.begin()
	if err := s.tasks.wait(ctx); err != nil {
		s.gate.closeAll()
		return fmt.Errorf("shut git server down: %w", err)
	}
	return nil
}

// begin starts the shutdown; it does not wait.
func (s *Server) begin() {
	s.stop()
	if s.listener != nil {
		s.listener.Close()
	}
	s.gate.close()
}

func (s *Server) accept() error {
	pause := 5 * time.Millisecond
	for {
		conn, err := s.listener.Accept()
		if s.alive.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err == nil {
			s.take(conn)
			pause = 5 * time.Millisecond
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept: %w", err)
		}
		s.log.Warn("accept failed", "error", err, "retry_in", pause)
		select { // out of file descriptors, most likely
		case <-time.After(pause):
		case <-s.alive.Done():
		}
		pause = min(2*pause, time.Second)
	}
}

func (s *Server) take(conn net.Conn) {
	guest, ok := s.gate.admit(conn, s.config.Handshake, s.config.Idle)
	if !ok {
		s.log.Debug("connection refused: too many", "remote", conn.RemoteAddr().String())
		conn.Close()
		return
	}
	if !s.tasks.start(func() { s.ssh.HandleConn(guest); s.tellStranger(guest) }) {
		guest.Close()
	}
}

// tasks counts goroutines so that they can be waited for, also while new ones would like to start.
type tasks struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// start runs f unless the tasks are being waited for.
func (t *tasks) start(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.running.Go(f)
	return true
}

func (t *tasks) wait(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	done := make(chan struct{})
	go func() {
		t.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
