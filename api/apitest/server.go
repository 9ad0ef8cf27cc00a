package apitest

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"csph/api"
	"csph/api/tarball"
	"csph/api/wire"
	"csph/platform"
	"csph/store"
)

// Server is an API being served.
type Server struct {
	URL      string
	Token    string // the first start's
	Dir      string // the state folder
	DB       *store.DB
	Deployer *Deployer
	Account  platform.Account

	ready atomic.Bool
	http  *httptest.Server
}

// Upload bounds the archives that the test's server takes.
func Upload() tarball.Limits {
	return tarball.Limits{Packed: 1 << 20, Unpacked: 4 << 20, Entries: 1000}
}

// Start serves the API until the test has ended.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Dir: t.TempDir()}
	s.ready.Store(true)
	var err error
	if s.DB, err = store.Open(context.Background(), filepath.Join(s.Dir, "csph.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.DB.Bootstrap(context.Background(), func(token string) error { s.Token = token; return nil }); err != nil {
		t.Fatal(err)
	}
	accounts, err := s.DB.Accounts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s.Account = accounts[0]
	s.serve(t)
	return s
}

func (s *Server) serve(t testing.TB) {
	s.Deployer = newDeployer(s.DB, s.LogDir())
	handler, err := api.New(api.Options{
		Records: records{s.DB}, Events: s.Events(), Deployer: s.Deployer, Runtime: s.Deployer, Host: s,
		Logger:  slog.New(slog.NewTextHandler(t.Output(), nil)),
		Version: "test", URL: URL,
		LogDir: s.LogDir(), Sources: filepath.Join(s.Dir, "sources"), Upload: Upload(),
		KeepAlive: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewServer(handler)
	s.URL = s.http.URL
	t.Cleanup(func() {
		s.http.CloseClientConnections()
		s.Deployer.Close()
		s.http.Close()
	})
}

// URL is where a service is said to be reached.
func URL(s platform.Service) string { return "http://" + s.Name + ".localhost" }

// LogDir is the folder of the log files.
func (s *Server) LogDir() string { return filepath.Join(s.Dir, "logs") }

// Disconnect breaks all connections; clients may connect anew.
func (s *Server) Disconnect() { s.http.CloseClientConnections() }

// SetReady makes the server say that everything is up, or not.
func (s *Server) SetReady(ready bool) { s.ready.Store(ready) }

// Daemons implements api.Host.
func (s *Server) Daemons() []wire.Daemon {
	return []wire.Daemon{{Name: "containerd", Up: s.ready.Load(), PID: 4711}}
}

// Ready implements api.Host.
func (s *Server) Ready() error {
	if !s.ready.Load() {
		return errors.New("containerd is down")
	}
	return nil
}

// Events is the bus, as the API reads it.
func (s *Server) Events() api.Events { return bus{s.DB} }

// Foreign is a token of another account, which has nothing.
const Foreign = "csph_foreign"

const foreignAccount = "acc_foreign"

// records are the store's, and one account more.
type records struct{ *store.DB }

func (r records) Authenticate(ctx context.Context, token string) (platform.Token, error) {
	if token == Foreign {
		return platform.Token{Account: foreignAccount, Name: "foreigner"}, nil
	}
	return r.DB.Authenticate(ctx, token)
}

func (r records) Account(ctx context.Context, id string) (platform.Account, error) {
	if id == foreignAccount {
		return platform.Account{ID: id, Name: "foreign"}, nil
	}
	return r.DB.Account(ctx, id)
}

// bus is the store's as api.Events.
type bus struct{ db *store.DB }

func (b bus) Events(ctx context.Context, q api.EventQuery) iter.Seq2[platform.Event, error] {
	return b.db.Subscribe(ctx, store.Filter(q))
}
