package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"csph/api/wire"
	"csph/buildpacks"
	"csph/daemon"
	"csph/handover"
	"csph/host"
	"csph/store"
)

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
	s.giveUp = cancel
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
	middle.start(s.metrics.run)
	if err := s.fence(ctx); err != nil {
		return err
	}
	if err := s.volumes.Sweep(ctx); err != nil {
		return err
	}
	middle.start(s.volumes.Run)
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
		if _, err := s.db.TrimDeliveries(ctx, keepDeliveries); err != nil && ctx.Err() == nil {
			s.logger.Warn("old deliveries cannot be dropped", "err", err)
		}
		if _, err := s.db.TrimAudit(ctx, keepAudit); err != nil && ctx.Err() == nil {
			s.logger.Warn("old audit entries cannot be dropped", "err", err)
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

// listen serves until ctx ends or a listener fails. The router goes on by itself.
func (s *server) listen(ctx context.Context) error {
	control, err := s.front.sockets.Listen("api", s.config.API)
	if err != nil {
		return fmt.Errorf("listen for the API: %w", err)
	}
	pushes, err := s.front.sockets.Listen("ssh", s.config.SSH)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for git pushes: %w", err), control.Close())
	}
	// Clients are let in last: whoever a csphd has accepted that then cannot start is cut off.
	if err := s.front.open(); err != nil {
		return errors.Join(err, control.Close(), pushes.Close())
	}
	s.pushes.Store(handover.NewValve(pushes))
	s.git.ListenOn(s.pushes.Load())
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return s.git.Serve(ctx) })
	parts.Go(func() error { return s.api.Serve(ctx, control) })
	parts.Go(func() error { return s.serveHooks(ctx) })
	parts.Go(func() error { return s.servePolls(ctx) })
	parts.Go(func() error { return s.serveReports(ctx) })
	parts.Go(func() error { return s.servePreviews(ctx) })
	parts.Go(func() error { return s.schedules.Run(ctx) })
	parts.Go(func() error { return s.scaler.Run(ctx) })
	parts.Go(func() error { return s.announce(ctx) })
	parts.Go(func() error { return s.keeper.Run(ctx) })
	parts.Go(func() error { return s.front.enter(ctx, s) })
	return parts.Wait()
}

// announce says that everything is up once buildkitd is.
func (s *server) announce(ctx context.Context) error {
	if err := s.builder.WaitReady(ctx); err != nil {
		return nil // csphd is stopping
	}
	s.ready.Store(true)
	if err := shed(); err != nil {
		s.logger.Warn("the pages that the start needed stay resident", "err", err)
	}
	s.logger.Info("csphd is up", "http", s.config.HTTP, "https", s.config.HTTPS, "ssh", s.config.SSH, "api", s.config.API, "state", s.config.State, "version", version)
	return nil
}
