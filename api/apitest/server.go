package apitest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"csph/api"
	"csph/api/tarball"
	"csph/api/wire"
	"csph/cmd/csphd/ledger"
	"csph/platform"
	"csph/store"
	"csph/vault"
)

// Server is an API being served.
type Server struct {
	URL      string
	Token    string // the first start's
	Dir      string // the state folder
	DB       *store.DB
	Deployer *Deployer
	Account  platform.Account

	rates api.Rates
	ready atomic.Bool
	asked atomic.Int64 // requests that the router is said to have served: 100 more each time
	http  *httptest.Server
	log   io.Writer
}

// Upload bounds the archives that the test's server takes.
func Upload() tarball.Limits {
	return tarball.Limits{Packed: 1 << 20, Unpacked: 4 << 20, Entries: 1000}
}

// plenty is more requests a second than anybody makes.
const plenty = 1e6

// Start serves the API until the test has ended. Nobody asks too often.
func Start(t testing.TB) *Server {
	return StartLimited(t, api.Rates{Token: plenty, TokenBurst: plenty, Stranger: plenty, StrangerBurst: plenty})
}

// StartLimited serves the API with limits to how often it may be asked.
func StartLimited(t testing.TB, rates api.Rates) *Server {
	t.Helper()
	s, err := open(t.TempDir(), rates, t.Output())
	if err == nil {
		err = s.serve()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Serve serves the API on the state folder dir, new or used, until the process ends. What goes wrong is written to log.
func Serve(dir string, log io.Writer) (*Server, error) {
	s, err := open(dir, api.Rates{Token: plenty, TokenBurst: plenty, Stranger: plenty, StrangerBurst: plenty}, log)
	if err != nil {
		return nil, err
	}
	return s, s.serve()
}

func open(dir string, rates api.Rates, log io.Writer) (s *Server, err error) {
	s = &Server{Dir: dir, rates: rates, log: log}
	s.ready.Store(true)
	if s.DB, err = store.Open(context.Background(), filepath.Join(s.Dir, "csph.db")); err != nil {
		return nil, err
	}
	if _, err = s.DB.Bootstrap(context.Background(), func(token string) error { s.Token = token; return nil }); err != nil {
		return nil, err
	}
	accounts, err := s.DB.Accounts(context.Background())
	if err != nil {
		return nil, err
	}
	s.Account = accounts[0]
	key, err := vault.Open(filepath.Join(s.Dir, "secrets.key"))
	if err != nil {
		return nil, err
	}
	s.DB.SealWith(key)
	return s, nil
}

// Close ends what is under way and closes the records.
func (s *Server) Close() error {
	s.http.CloseClientConnections()
	s.Deployer.Close()
	s.http.Close()
	return s.DB.Close()
}

func (s *Server) serve() error {
	s.Deployer = newDeployer(s.DB, s.LogDir())
	handler, err := api.New(api.Options{
		Records: ledger.Records{DB: s.DB}, Events: s.Events(), Deployer: s.Deployer, Runtime: s.Deployer, Host: s, Domains: domains{s.DB}, Pullers: s, Remotes: s, Hooks: s, Schedules: s, Images: images{}, Volumes: s.volumes(), Commands: s.Deployer, GitPort: 2222, Traffic: s,
		Logger:  slog.New(slog.NewTextHandler(s.log, nil)),
		Regions: platform.Regions{"local"},
		Version: "test", URL: URL, AppsDomain: "apps.example",
		LogDir: s.LogDir(), Sources: filepath.Join(s.Dir, "sources"), Upload: Upload(),
		KeepAlive: 50 * time.Millisecond, Rates: s.rates,
	})
	if err != nil {
		return err
	}
	s.http = httptest.NewServer(handler)
	s.URL = s.http.URL
	return nil
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

// Counts implements api.Traffic.
func (s *Server) Counts(string) (wire.ServiceTraffic, bool) {
	n := uint64(s.asked.Add(100))
	return wire.ServiceTraffic{Requests: wire.Requests{Successful: n, ServerErrors: n / 100}, InFlight: 3, Latency: []uint64{n, n / 100}}, true
}

// Bounds implements api.Traffic.
func (s *Server) Bounds() ([]time.Duration, time.Time) {
	return []time.Duration{time.Millisecond}, time.Unix(1, 0)
}

// Disk implements api.Host.
func (s *Server) Disk(context.Context) (wire.Disk, error) {
	return wire.Disk{Services: []wire.DiskService{{ID: "svc_1", Name: "web", Images: 2, ImageBytes: 3 << 20, Total: 3 << 20}}, Free: 1 << 30}, nil
}

// ClearCache implements api.Host.
func (s *Server) ClearCache(context.Context, string) (int64, error) { return 5 << 20, nil }

// Ready implements api.Host.
func (s *Server) Ready() error {
	if !s.ready.Load() {
		return errors.New("containerd is down")
	}
	return nil
}

// Events is the bus, as the API reads it.
func (s *Server) Events() api.Events { return ledger.Bus{DB: s.DB} }

// CheckLogin implements api.Pullers: the password is right when it is "right".
func (s *Server) CheckLogin(_ context.Context, host, _, password string) error {
	if password == "right" {
		return nil
	}
	return &platform.Failure{Reason: platform.ImagePullFailed, Message: "the registry " + host + " does not know this name and password", Hint: "check both."}
}

// NewAccount makes another account, named name, and returns its admin's token.
func (s *Server) NewAccount(t testing.TB, name string) string {
	t.Helper()
	made, err := s.DB.CreateAccount(context.Background(), name, platform.Quota{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Token
}

// NewMember makes a member of the first account and returns a token of it.
func (s *Server) NewMember(t testing.TB, draft platform.Invitation) string {
	t.Helper()
	ctx := context.Background()
	i, _, err := s.DB.Invite(ctx, s.Account.ID, draft)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := s.DB.Join(ctx, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}
