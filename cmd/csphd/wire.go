package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"csph/api"
	"csph/builder"
	"csph/cmd/csphd/ledger"
	"csph/daemon"
	"csph/deploy"
	"csph/gitd"
	"csph/gitd/forge"
	"csph/gitd/remote"
	"csph/handover"
	"csph/host"
	"csph/platform"
	"csph/router"
	"csph/router/cert"
	"csph/router/localca"
	"csph/runtime"
	"csph/runtime/autoscale"
	"csph/runtime/containerd"
	"csph/schedule"
	"csph/store"
	"csph/vault"
)

// server is all of csphd, wired.
type server struct {
	front    *front
	config   Config
	logger   *slog.Logger
	db       *store.DB
	instance *host.Instance

	containerd *daemon.Process
	engine     *containerd.Engine
	builder    *builder.Builder
	router     *router.Router
	keeper     *cert.Keeper
	local      *localca.Authority
	routes     *domainRoutes
	deployer   *deploy.Deployer
	git        *gitd.Server
	schedules  *schedule.Keeper
	volumes    ledger.Volumes
	scaler     *autoscale.Scaler
	reporter   *forge.Reporter
	api        *api.Server
	metrics    *metrics

	ready  atomic.Bool
	pushes atomic.Pointer[handover.Valve] // where git push comes in
	giveUp context.CancelCauseFunc        // ends run
}

const (
	bootTimeout     = time.Minute
	shutdownTimeout = 30 * time.Second
	trimEvery       = time.Hour
	keepEvents      = 90 * 24 * time.Hour
	keepEventRows   = 10_000 // of one service
	keepDeliveries  = 30 * 24 * time.Hour
	keepAudit       = 400 * 24 * time.Hour
	secretsKey      = "secrets.key" // in the state folder
)

// assemble makes every part and connects them. Nothing runs and nothing listens yet.
func assemble(ctx context.Context, f *front) (*server, error) {
	s := &server{front: f, config: f.config, logger: f.logger, router: f.router}
	var err error
	if s.instance, err = host.Open(s.config.State); err != nil {
		return nil, fmt.Errorf("open the instance: %w", err)
	}
	if s.db, err = openRecords(ctx, s.config.State); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{s.makeEngine, s.makeBuilder, s.makeDomains, s.makeDeployer, s.makeVolumes, s.makeGit, s.makeAPI} {
		if err := part(ctx); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// close lets go of what assemble took; the last certificates go on being served.
func (s *server) close() error {
	if s.keeper != nil {
		s.keeper.Close()
	}
	return s.db.Close()
}

func openRecords(ctx context.Context, state string) (*store.DB, error) {
	db, err := store.Open(ctx, filepath.Join(state, "csph.db"))
	if err != nil {
		return nil, err
	}
	key, err := vault.Open(filepath.Join(state, secretsKey))
	if err == nil {
		db.SealWith(key)
		_, err = db.Bootstrap(ctx, keepToken(state))
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (s *server) engineConfig() containerd.Config {
	return containerd.Config{Instance: s.instance, Bin: s.config.BinDir, Logger: s.logger}
}

func (s *server) makeEngine(context.Context) error {
	spec, err := containerd.Daemon(s.engineConfig())
	if err != nil {
		return err
	}
	spec.OnReady = s.reconnect
	s.containerd = daemon.New(spec)
	s.engine, err = containerd.New(s.engineConfig())
	return err
}

// reconnect gives a buildkitd that has lost its containerd a new start: it would go on trying the
// old connection for seconds. At the first start there is none yet.
func (s *server) reconnect(ctx context.Context) error {
	if s.builder == nil || s.builder.Daemon().PID() == 0 {
		return nil
	}
	return s.builder.Daemon().Restart(ctx)
}

func (s *server) makeBuilder(ctx context.Context) error {
	settings, err := builder.ReadHostSettings(ctx)
	if err != nil {
		return fmt.Errorf("read the host's registry settings: %w", err)
	}
	registries, err := networks("registries.allow", s.config.Registries.Allow)
	if err != nil {
		return err
	}
	s.builder, err = builder.New(builder.Config{
		Host: s.instance, BinDir: s.config.BinDir, Containerd: s.engineConfig().Socket(), BaseDir: s.config.BaseDir,
		Limits:   builder.Limits{MilliCPU: int64(s.config.Build.CPUs) * 1000, Memory: s.config.Build.MemoryMB << 20},
		Parallel: s.config.Build.Parallel, MinFree: s.config.Build.MinFreeMB << 20, References: s.references, Collected: s.collected,
		CacheBudget: s.config.Build.CacheMB << 20, Settings: settings, Logger: s.logger,
		Login: loginsOf(s.db), Registries: registries,
	})
	return err
}

func (s *server) makeDeployer(context.Context) error {
	s.deployer = deploy.New(deploy.Config{
		Records: s.db, Bus: s.db, Builder: images{s.builder, s.containerd}, Engine: spherelets{s.engine, s.db},
		Prober: runtime.Prober{Exec: spherelets{s.engine, s.db}.Ask}, Router: s.routes, Logger: s.logger,
		Hosts:   func(svc platform.Service) []string { return []string{s.hostOf(svc)} },
		URL:     s.urlOf,
		Secrets: s.db.SecretValues, Quota: s.db.QuotaOf, Regions: s.regions(),
		Capacity: deploy.Capacity{
			Spherelets: s.config.Capacity.Spherelets, MilliCPU: s.config.Capacity.MilliCPU, Memory: s.config.Capacity.MemoryMB << 20,
		},
	})
	return nil
}

func (s *server) makeGit(context.Context) (err error) {
	allowed, err := networks("remote.allow", s.config.Remote.Allow)
	if err != nil {
		return err
	}
	roots, err := trusted(s.config.Remote.CA)
	if err != nil {
		return err
	}
	s.git, err = gitd.New(gitd.Config{Files: files{s.db, s.engine, s.logger}, Dir: s.config.State, Addr: s.config.SSH, Refused: newRefusals(s.db, s.logger).note, Remote: remote.Config{Allow: allowed, Roots: roots}}, pushers{s.db}, pushers{s.db}, s.recorded(), narrator{story{s.db, s.config.State}}, s.logger)
	return err
}

func (s *server) makeAPI(context.Context) (err error) {
	s.makeKeeperOfTime()
	s.makeScaler()
	s.makeReporter()
	s.metrics = newMetrics(s)
	s.metrics.registry.MustRegister(newUses(machine{s.engine}, s.metrics.nameOf))
	debug, err := newDebugPage(s.debugState, s.metrics.nameOf, s.logger)
	if err != nil {
		return err
	}
	s.api, err = api.New(api.Options{
		Records: ledger.Records{DB: s.db}, Events: ledger.Bus{DB: s.db}, Runtime: machine{s.engine}, Host: s, Remotes: origins{s.db, s.git}, Hooks: s, Schedules: s, Pullers: s.builder, Images: s.builder, Logger: s.logger,
		Domains: s.domains(), Volumes: s.volumes,
		Commands: commands{s.engine, s.deployer}, GitPort: portOf(s.config.SSH),
		Deployer: s.withdrawing(),
		Traffic:  traffic{s.front}, Pages: map[string]http.Handler{"/metrics": s.metrics.handler(), "/debug": debug},
		Version: version, URL: s.urlOf, AppsDomain: s.config.AppsDomain, Regions: s.regions(),
		LogDir: filepath.Join(s.config.State, "logs"), Sources: filepath.Join(s.config.State, "sources"),
	})
	return err
}

// regions are where spherelets can run: on this machine.
func (s *server) regions() platform.Regions { return platform.Regions{s.config.Region} }

// portOf is the port of an address that was checked when the configuration was read.
func portOf(addr string) int {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return 0
	}
	return tcp.Port
}

// withdrawing is the deployer whose services leave nothing behind when they go.
func (s *server) withdrawing() withdrawing {
	return withdrawing{deployer{s.deployer, s.db, s.engine, s.git, s.config.State}, s.domains()}
}

// hostOf is the host name of a service (SPEC section 5).
func (s *server) hostOf(svc platform.Service) string {
	return svc.Host + "." + s.config.AppsDomain
}

func (s *server) urlOf(svc platform.Service) string {
	if !svc.Type.Routed() {
		return ""
	}
	return s.publicURL(s.hostOf(svc))
}

// publicURL is how a host of the apps domain is reached.
func (s *server) publicURL(host string) string {
	url := "http://" + host
	if _, port, err := net.SplitHostPort(s.config.HTTP); err == nil && port != "80" {
		url += ":" + port
	}
	return url
}
