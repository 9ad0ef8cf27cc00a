package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"csph/handover"
	"csph/router/udp"
)

const (
	upgradeWait     = 10 * time.Minute // for what is under way
	preparedTimeout = time.Minute      // for a successor to get ready
)

func upgradeCommand() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "upgrade",
		Short: "Have this csphd take the place of the one that runs; no request fails meanwhile",
		Long: "upgrade asks the csphd that runs on the state folder to start this binary with its own arguments, to hand\n" +
			"its listeners over and to serve what is left of its connections. It returns once the new one serves.\n" +
			"Where the new one cannot start, the old one goes on.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			return upgrade(cmd, c.State, wait)
		},
	}
	addFlags(cmd.Flags())
	cmd.Flags().DurationVar(&wait, "wait", upgradeWait, "how long pushes and deployments under way may take to end")
	return cmd
}

func upgrade(cmd *cobra.Command, state string, wait time.Duration) error {
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this binary: %w", err)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), wait+preparedTimeout+takeOverTimeout)
	defer cancel()
	began := time.Now()
	out, err := handover.Upgrade(ctx, controlPath(state), handover.Order{Path: path, Wait: wait})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "csphd %s serves (pid %d), after %s\n", out.Version, out.PID, time.Since(began).Round(time.Millisecond))
	return err
}

// takeOverTimeout bounds the time in which nobody reigns: the old one's stop and the new one's boot.
const takeOverTimeout = 2 * bootTimeout

// change is a successor waiting for the state to be free.
type change struct {
	free    chan struct{} // closed once it is
	settled chan bool     // whether the successor serves
}

// settle lets the successor have the state and reports whether it serves.
func (c *change) settle(ctx context.Context) bool {
	close(c.free)
	select {
	case ok := <-c.settled:
		return ok
	case <-ctx.Done():
		return false
	}
}

// upgrade carries out an order to hand over: a successor is started, what is under way is waited for, then
// the successor gets the state. Until it serves, everything can be called off.
func (f *front) upgrade(ctx context.Context, o handover.Order) (handover.Outcome, error) {
	if !f.upgrading.TryLock() {
		return handover.Outcome{}, errors.New("csphd is being upgraded already")
	}
	defer f.upgrading.Unlock()
	s := f.reigningServer()
	if s == nil {
		return handover.Outcome{}, errors.New("csphd is starting, or has handed over; try again in a moment")
	}
	f.logger.Info("handing over", "to", o.Path)
	next, err := f.startSuccessor(ctx, o.Path)
	if err == nil {
		err = f.giveWay(ctx, s, next, o.Wait)
	}
	if err != nil {
		f.logger.Error("the handover failed; this csphd goes on", "err", err)
		return handover.Outcome{}, err
	}
	return handover.Outcome{PID: next.PID(), Version: next.Version()}, nil
}

func (f *front) startSuccessor(ctx context.Context, path string) (*handover.Successor, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("%q is no absolute path of a csphd", path)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, preparedTimeout, errors.New("it took too long"))
	defer cancel()
	left := f.leavePort()
	defer udp.Discard(left)
	offer := handover.Offer{Path: path, Args: os.Args[1:], Sockets: f.sockets, Files: left, Lock: f.lock, Front: f}
	return offer.Start(ctx)
}

// giveWay has s stop once nothing is under way, and next take over.
func (f *front) giveWay(ctx context.Context, s *server, next *handover.Successor, wait time.Duration) error {
	if err := s.quiesce(ctx, wait); err != nil {
		next.Kill()
		return err
	}
	c := f.depose(s)
	ctx, cancel := context.WithTimeoutCause(ctx, takeOverTimeout, errors.New("it took too long"))
	defer cancel()
	var err error
	select {
	case <-c.free:
		err = next.Proceed(ctx)
	case <-ctx.Done():
		err = context.Cause(ctx)
		next.Kill()
	}
	f.next = next // seen by whoever learns that it is settled
	c.settled <- err == nil
	return err
}

// depose has s stop for a successor. Where s has stopped by itself meanwhile, the change never comes.
func (f *front) depose(s *server) *change {
	c := &change{free: make(chan struct{}), settled: make(chan bool, 1)}
	f.mu.Lock()
	f.leaving = c
	f.mu.Unlock()
	s.giveUp(errHandover)
	return c
}

// gaveWay returns the change that ended the last reign, nil when it was none.
func (f *front) gaveWay() *change {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.leaving
	f.leaving = nil
	return c
}

func (f *front) setReigning(s *server) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reigning = s
}

func (f *front) reigningServer() *server {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reigning
}

func (f *front) isReigning() bool { return f.reigningServer() != nil }

// errHandover ends a server's run for a successor.
var errHandover = errors.New("csphd hands over")

// quiesce has no push and no deployment begin, waits for those under way, and leaves it at that. When it
// fails everything goes on as before.
func (s *server) quiesce(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, fmt.Errorf("waited for %s; try again later, or with --wait", wait))
	defer cancel()
	pushes := s.pushes.Load()
	err := pushes.Shut()
	if err == nil {
		if err = pushes.Empty(ctx); err != nil {
			err = fmt.Errorf("pushes are still under way: %w", err)
		}
	}
	if err == nil {
		err = s.deployer.Quiesce(ctx)
	}
	if err != nil {
		return errors.Join(err, pushes.Open())
	}
	return nil
}
