package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"csph/api"
	"csph/api/wire"
	"csph/builder"
	"csph/buildpacks"
	"csph/daemon"
	"csph/deploy"
	"csph/gitd"
	"csph/host"
	"csph/platform"
	"csph/router"
	"csph/router/localca"
	"csph/runtime"
	"csph/runtime/containerd"
	"csph/store"
)

// server is all of csphd, wired.
type server struct {
	config   Config
	logger   *slog.Logger
	db       *store.DB
	instance *host.Instance

	containerd *daemon.Process
	engine     *containerd.Engine
	builder    *builder.Builder
	router     *router.Router
	deployer   *deploy.Deployer
	git        *gitd.Server
	api        *api.Server

	ready atomic.Bool
}

const (
	bootTimeout     = time.Minute
	shutdownTimeout = 30 * time.Second
	trimEvery       = time.Hour
	keepEvents      = 90 * 24 * time.Hour
	keepEventRows   = 10_000 // of one service
)

// assemble makes every part and connects them. Nothing runs and nothing listens yet.
func assemble(ctx context.Context, c Config, logger *slog.Logger) (*server, error) {
	s := &server{config: c, logger: logger}
	var err error
	if s.instance, err = host.Open(c.State); err != nil {
		return nil, fmt.Errorf("open the instance: %w", err)
	}
	if s.db, err = openRecords(ctx, c.State); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{s.makeEngine, s.makeBuilder, s.makeRouter, s.makeDeployer, s.makeGit, s.makeAPI} {
		if err := part(ctx); err != nil {
			return nil, errors.Join(err, s.db.Close())
		}
	}
	return s, nil
}

func openRecords(ctx context.Context, state string) (*store.DB, error) {
	db, err := store.Open(ctx, filepath.Join(state, "csph.db"))
	if err != nil {
		return nil, err
	}
	if _, err := db.Bootstrap(ctx, keepToken(state)); err != nil {
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
	s.builder, err = builder.New(builder.Config{
		Host: s.instance, BinDir: s.config.BinDir, Containerd: s.engineConfig().Socket(), BaseDir: s.config.BaseDir,
		Limits:      builder.Limits{MilliCPU: int64(s.config.Build.CPUs) * 1000, Memory: s.config.Build.MemoryMB << 20},
		CacheBudget: s.config.Build.CacheMB << 20, Settings: settings, Logger: s.logger,
	})
	return err
}

func (s *server) makeRouter(context.Context) error {
	s.router = router.New(router.Config{Logger: s.logger})
	return nil
}

func (s *server) makeDeployer(context.Context) error {
	s.deployer = deploy.New(deploy.Config{
		Records: s.db, Bus: s.db, Builder: images{s.builder, s.containerd}, Engine: spherelets{s.engine},
		Prober: runtime.Prober{}, Router: s.router, Logger: s.logger,
		Hosts: func(svc platform.Service) []string { return []string{s.hostOf(svc)} },
		URL:   s.urlOf,
		Capacity: deploy.Capacity{
			Spherelets: s.config.Capacity.Spherelets, MilliCPU: s.config.Capacity.MilliCPU, Memory: s.config.Capacity.MemoryMB << 20,
		},
	})
	return nil
}

func (s *server) makeGit(context.Context) (err error) {
	s.git, err = gitd.New(gitd.Config{Dir: s.config.State, Addr: s.config.SSH}, pushers{s.db}, pushers{s.db}, s.deployer, narrator{story{s.db, s.config.State}}, s.logger)
	return err
}

func (s *server) makeAPI(context.Context) (err error) {
	s.api, err = api.New(api.Options{
		Records: ledger{s.db}, Events: bulletin{s.db}, Runtime: s.engine, Host: s, Logger: s.logger,
		Deployer: deployer{s.deployer, s.db, s.engine, s.git, s.config.State},
		Version:  version, URL: s.urlOf,
		LogDir: filepath.Join(s.config.State, "logs"), Sources: filepath.Join(s.config.State, "sources"),
	})
	return err
}

// hostOf is the host name of a service (SPEC section 5).
func (s *server) hostOf(svc platform.Service) string {
	label := svc.Name
	if svc.EnvName != store.DefaultEnvironment {
		label += "-" + svc.EnvName
	}
	return label + "." + s.config.AppsDomain
}

func (s *server) urlOf(svc platform.Service) string {
	if svc.Type == platform.Worker {
		return ""
	}
	url := "http://" + s.hostOf(svc)
	if _, port, err := net.SplitHostPort(s.config.HTTP); err == nil && port != "80" {
		url += ":" + port
	}
	return url
}

// Daemons and Ready are what the API tells of the machine.
func (s *server) Daemons() []wire.Daemon {
	var all []wire.Daemon
	for _, p := range []*daemon.Process{s.containerd, s.builder.Daemon()} {
		st := p.Status()
		d := wire.Daemon{Name: p.Name(), Up: st.Ready, PID: st.PID, Since: st.Since, Restarts: st.Restarts}
		if st.LastErr != nil {
			d.Error = st.LastErr.Error()
		}
		all = append(all, d)
	}
	return all
}

func (s *server) Ready() error {
	if !s.ready.Load() {
		return errors.New("csphd is starting")
	}
	return nil
}

// run starts everything in order and blocks until ctx ends or a part fails; then it stops everything in
// the opposite order. The engine and buildkitd go before containerd, which they need; apps go on.
func (s *server) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	detached := context.WithoutCancel(ctx)
	ground := newLayer(detached, cancel)
	ground.start(s.containerd.Run)
	middle := newLayer(detached, cancel)
	err := s.boot(ctx, middle)
	if err == nil {
		err = s.listen(ctx)
	}
	s.ready.Store(false)
	s.deployer.Close()
	return errors.Join(err, middle.stop(), ground.stop())
}

// layer is parts that run until those above them have stopped. When one fails, everything stops.
type layer struct {
	ctx    context.Context
	cancel context.CancelFunc
	parts  errgroup.Group
	failed context.CancelCauseFunc
}

func newLayer(ctx context.Context, failed context.CancelCauseFunc) *layer {
	ctx, cancel := context.WithCancel(ctx)
	return &layer{ctx: ctx, cancel: cancel, failed: failed}
}

func (l *layer) start(part func(context.Context) error) {
	l.parts.Go(func() error {
		err := part(l.ctx)
		if err != nil {
			l.failed(err)
		}
		return err
	})
}

func (l *layer) stop() error {
	l.cancel()
	return l.parts.Wait()
}

// boot brings up what must be there before anything listens: spherelets re-attached, routes in the table.
func (s *server) boot(ctx context.Context, middle *layer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootTimeout, errors.New("the daemons did not come up in time; their logs are in "+filepath.Join(s.config.State, "logs")))
	defer cancel()
	if err := s.containerd.WaitReady(ctx); err != nil {
		return err
	}
	middle.start(s.engine.Run)
	middle.start(s.builder.Serve)
	middle.start(s.prepareBases)
	middle.start(s.trimEvents)
	if err := s.fence(ctx); err != nil {
		return err
	}
	if err := s.engine.Recover(ctx); err != nil {
		return fmt.Errorf("take the running spherelets up: %w", err)
	}
	if err := s.deployer.Resume(ctx); err != nil {
		return fmt.Errorf("take deployments up: %w", err)
	}
	return nil
}

// prepareBases makes the base images of the commonest apps ready before the first push asks for them.
func (s *server) prepareBases(ctx context.Context) error {
	if !s.config.WarmBases {
		return nil
	}
	err := s.builder.Bases().Ensure(ctx, func(line string) { s.logger.Info("base images", "step", line) }, buildpacks.DefaultImages()...)
	if err != nil && ctx.Err() == nil {
		s.logger.Warn("base images are not ready; builds that need them try again", "err", err)
	}
	return nil
}

// trimEvents keeps the event log from growing without end.
func (s *server) trimEvents(ctx context.Context) error {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		if _, err := s.db.Trim(ctx, store.Retention{Age: keepEvents, Rows: keepEventRows}); err != nil && ctx.Err() == nil {
			s.logger.Warn("old events cannot be dropped", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// fence lets apps reach the router, so that they can use each other's URL, and nothing else of the host.
func (s *server) fence(ctx context.Context) error {
	open := host.Openings{Resolvers: host.Resolvers()}
	for _, addr := range []string{s.config.HTTP, s.config.HTTPS} {
		if tcp, err := net.ResolveTCPAddr("tcp", addr); err == nil && tcp.Port > 0 {
			open.TCP = append(open.TCP, uint16(tcp.Port))
		}
	}
	return s.instance.Fence(ctx, open)
}

// listen serves until ctx ends or a listener fails.
func (s *server) listen(ctx context.Context) error {
	web, err := s.webListeners()
	if err != nil {
		return err
	}
	control, err := net.Listen("tcp", s.config.API)
	if err != nil {
		return fmt.Errorf("listen for the API: %w", err)
	}
	if err := s.git.Listen(); err != nil {
		return err
	}
	front, ctx := errgroup.WithContext(ctx)
	for _, ln := range web {
		front.Go(func() error { return s.serveWeb(ctx, ln) })
	}
	front.Go(func() error { return s.git.Serve(ctx) })
	front.Go(func() error { return s.api.Serve(ctx, control) })
	front.Go(func() error { return s.announce(ctx) })
	err = front.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return errors.Join(err, s.router.Shutdown(end))
}

// serveWeb routes until ctx ends, which is no error.
func (s *server) serveWeb(ctx context.Context, ln net.Listener) error {
	err := s.router.Serve(ctx, ln)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// announce says that everything is up once buildkitd is.
func (s *server) announce(ctx context.Context) error {
	if err := s.builder.WaitReady(ctx); err != nil {
		return nil // csphd is stopping
	}
	s.ready.Store(true)
	s.logger.Info("csphd is up", "http", s.config.HTTP, "https", s.config.HTTPS, "ssh", s.config.SSH, "api", s.config.API, "state", s.config.State, "version", version)
	return nil
}

func (s *server) webListeners() ([]net.Listener, error) {
	plain, err := net.Listen("tcp", s.config.HTTP)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	if strings.EqualFold(s.config.HTTPS, "off") {
		return []net.Listener{plain}, nil
	}
	ca, err := localca.Open(filepath.Join(s.config.State, "tls"), s.config.AppsDomain)
	if err != nil {
		return nil, err
	}
	secure, err := tls.Listen("tcp", s.config.HTTPS, ca.TLSConfig())
	if err != nil {
		return nil, fmt.Errorf("listen for HTTPS: %w", err)
	}
	return []net.Listener{plain, secure}, nil
}
