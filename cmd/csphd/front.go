package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"csph/handover"
	"csph/router"
	"csph/router/cert"
	"csph/router/udp"
)

// front is what faces clients, and with it the claim to the state folder. It outlives the rest of csphd
// when that gives way to a new version: sockets stay bound and requests are served meanwhile.
type front struct {
	config  Config
	logger  *slog.Logger
	lock    *os.File // of the state folder
	before  *handover.Predecessor
	sockets *handover.Sockets
	router  *router.Router
	access  *accessFiles
	since   time.Time // it counts requests
	tickets *cert.Tickets
	doorman doorman
	control *handover.Control

	life      context.Context // of accepting
	stop      context.CancelFunc
	fail      context.CancelCauseFunc // ends run
	accepting errgroup.Group
	opened    bool
	secure    *tls.Config // of HTTPS; nil when that is off
	left      []*os.File  // of the UDP port of the process before
	port      atomic.Pointer[udp.Port]

	upgrading sync.Mutex  // held while an order to hand over is carried out
	leads     atomic.Bool // the table is complete, and the process before this one is to follow it
	mu        sync.Mutex
	reigning  *server // nil while the state is in nobody's hands, or another's
	leaving   *change // why reigning was told to stop, if it was
	next      *handover.Successor
	routed    uint64 // version of the last table that a successor sent
}

// openFront claims the state folder. A predecessor has let go of it when openFront returns.
func openFront(ctx context.Context, c Config, before *handover.Predecessor, logger *slog.Logger) (*front, error) {
	f := &front{config: c, logger: logger, before: before, since: time.Now(), tickets: cert.NewTickets()}
	if before != nil {
		var found strings.Builder
		if err := report(&found, checkBinaries(c.BinDir)); err != nil {
			return nil, fmt.Errorf("%w:\n%s", err, &found)
		}
		if err := before.Prepared(ctx, version); err != nil {
			return nil, err
		}
		f.lock, f.sockets, f.left = before.Lock, before.Sockets, before.Files
		f.remember(ctx)
	} else {
		lock, err := lockFile(c.State)
		if err != nil {
			return nil, err
		}
		f.lock, f.sockets = lock, handover.NewSockets()
	}
	if err := hideLogs(c.State); err != nil {
		return nil, err
	}
	ingress, err := c.Router.config(logger)
	if err != nil {
		return nil, err
	}
	ingress.Front = &f.doorman
	f.access = newAccessFiles(c.State)
	ingress.AccessLog, ingress.AccessLogEvery = f.access, none(c.AccessLog.Every)
	f.router = router.New(ingress)
	f.control = handover.NewControl(controlPath(c.State), f.upgrade)
	f.life, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	return f, nil
}

// run reigns over the state, again if a successor fails to, until ctx ends, something fails, or a
// successor has taken over and the last request of this process has been served.
func (f *front) run(ctx context.Context) error {
	ctx, f.fail = context.WithCancelCause(ctx)
	defer f.fail(nil)
	for {
		err := f.reign(ctx)
		next := f.gaveWay()
		if next == nil || ctx.Err() != nil {
			return errors.Join(err, f.shutdown(ctx))
		}
		if err != nil {
			f.logger.Warn("not everything stopped in order before the handover", "err", err)
		}
		if next.settle(ctx) {
			return f.retire(ctx)
		}
	}
}

// reign runs csphd on the state until ctx ends, a part fails or change has it stop. After a successor's
// failure it must succeed: the routes are served meanwhile, and it is tried again.
func (f *front) reign(ctx context.Context) error {
	again := f.opened
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := f.reignOnce(ctx)
		if err == nil || !again || f.isReigning() || ctx.Err() != nil {
			f.setReigning(nil)
			return err
		}
		f.logger.Error("csphd cannot take its state up again; what is live is served, and it is tried again", "err", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

func (f *front) reignOnce(ctx context.Context) error {
	s, err := assemble(ctx, f)
	if err != nil {
		return err
	}
	err = s.run(ctx)
	return errors.Join(err, s.close())
}

// open accepts connections, once there are routes; when it does already it does nothing.
func (f *front) open() error {
	if f.opened {
		return nil
	}
	web, err := f.webListeners()
	if err != nil {
		return err
	}
	for _, ln := range web {
		f.accepting.Go(func() error {
			err := f.router.Serve(f.life, ln)
			if f.life.Err() != nil {
				return nil
			}
			f.fail(err)
			return err
		})
	}
	f.openHTTP3()
	f.opened = true
	return nil
}

// enter says that s reigns and that this process serves: to who sends signals and orders, to the process
// before, and to systemd.
func (f *front) enter(ctx context.Context, s *server) error {
	f.setReigning(s)
	if err := errors.Join(writePID(f.config.State), f.control.Listen()); err != nil {
		return err
	}
	if err := f.sockets.Keep("http", "https", "ssh", "api"); err != nil {
		return err
	}
	if f.before == nil || f.leads.Load() {
		return notifySystemd()
	}
	if err := f.before.Serving(ctx); err != nil && !errors.Is(err, handover.ErrGone) {
		return err
	}
	f.leads.Store(true)
	f.inTandem().follow(ctx)
	return notifySystemd()
}

func controlPath(state string) string { return filepath.Join(state, "csphd.sock") }

// webListeners are those that the router serves.
func (f *front) webListeners() ([]net.Listener, error) {
	plain, err := f.sockets.Listen("http", f.config.HTTP)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	if strings.EqualFold(f.config.HTTPS, "off") {
		return []net.Listener{plain}, nil
	}
	secure, err := f.sockets.Listen("https", f.config.HTTPS)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTPS: %w", err)
	}
	f.secure = cert.TLSConfig(f.doorman.GetCertificate, router.Protocols()...)
	f.tickets.Apply(f.secure)
	return []net.Listener{plain, tls.NewListener(secure, f.secure)}, nil
}

// shutdown ends the serving of requests as csphd stops.
func (f *front) shutdown(ctx context.Context) error {
	err := f.closeAccepting()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return errors.Join(err, f.router.Shutdown(end), f.access.close())
}

// retire serves what is left of this process's connections; new ones are the successor's.
func (f *front) retire(ctx context.Context) error {
	err := f.closeAccepting()
	f.logger.Info("a new csphd has taken over; serving what is left of the old connections")
	if cut := f.router.Retire(ctx); cut != nil && ctx.Err() == nil {
		f.logger.Info("the last connections were cut", "err", cut)
	}
	f.logger.Info("the last connection has ended")
	f.next.Leave()
	return errors.Join(err, f.access.close())
}

// closeAccepting lets go of sockets and lock.
func (f *front) closeAccepting() error {
	f.stop()
	err := f.accepting.Wait()
	return errors.Join(err, f.sockets.Close(), f.lock.Close())
}

// Route implements handover.Front: what this process still serves, it serves by its successor's table.
func (f *front) Route(table json.RawMessage) error {
	var t router.Table
	if err := json.Unmarshal(table, &t); err != nil {
		return fmt.Errorf("read the successor's routes: %w", err)
	}
	if err := f.install(t); err != nil {
		return err
	}
	f.inTandem().follow(context.Background())
	return nil
}

// install takes a table over, unless a newer one has come before it.
func (f *front) install(t router.Table) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.Version <= f.routed {
		return nil
	}
	f.routed = t.Version
	return f.router.Install(t)
}

// Drain implements handover.Front.
func (f *front) Drain(ctx context.Context, targets []netip.AddrPort, deadline time.Duration) (int, error) {
	return f.inTandem().Drain(ctx, targets, deadline)
}

// DrainStreams implements handover.Front.
func (f *front) DrainStreams(ctx context.Context, targets []netip.AddrPort) (int, error) {
	return f.inTandem().DrainStreams(ctx, targets)
}

// inTandem is the router together with that of the process before.
func (f *front) inTandem() tandem { return tandem{Router: f.router, front: f} }
