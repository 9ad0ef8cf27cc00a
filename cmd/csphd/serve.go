package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"csph/durable"
	"csph/handover"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run csph: receive pushes, build, run and route",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c)
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

// serve runs csphd until ctx ends or another csphd has taken its place. Apps keep running afterwards.
func serve(ctx context.Context, c Config) error {
	level, err := logLevel(c.LogLevel)
	if err != nil {
		return err
	}
	before, err := handover.Inherit()
	if err != nil {
		return err
	}
	err = serveAfter(ctx, c, before, newLogger(level))
	if before == nil {
		return err
	}
	if err != nil {
		told, cancel := context.WithTimeout(context.WithoutCancel(ctx), routeTimeout)
		defer cancel()
		_ = before.Failed(told, err) // that one goes on in any case
	}
	return errors.Join(err, before.Close())
}

// serveAfter is serve, in the place of before, if there is one.
func serveAfter(ctx context.Context, c Config, before *handover.Predecessor, logger *slog.Logger) error {
	f, err := openFront(ctx, c, before, logger)
	if err != nil {
		return err
	}
	return errors.Join(f.run(ctx), f.control.Close())
}

// newLogger logs errors by their message alone: some print a stack trace with it when they are let.
func newLogger(level slog.Level) *slog.Logger {
	plain := func(_ []string, a slog.Attr) slog.Attr {
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(err.Error())
		}
		return a
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: plain}))
}

func logLevel(name string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return 0, fmt.Errorf("log_level: %q is none of debug, info, warn and error", name)
	}
	return level, nil
}

// lockState keeps a second csphd out of the same state folder. The kernel releases it however csphd ends.
func lockState(state string) (unlock func(), err error) {
	f, err := lockFile(state)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// lockFile is lockState, for those who pass the lock on: it is held as long as anybody has the file open.
func lockFile(state string) (*os.File, error) {
	if err := os.MkdirAll(state, 0o711); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	path := filepath.Join(state, "csphd.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the state folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another csphd works in %s; stop it, or give this one another --state", state)
	}
	return f, nil
}

// writePID notes who reigns over the state folder, for those who send signals.
func writePID(state string) error {
	path := filepath.Join(state, "csphd.pid")
	if err := os.WriteFile(path+".tmp", fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644); err != nil {
		return fmt.Errorf("write the pid file: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("write the pid file: %w", err)
	}
	return nil
}

// keepToken puts the first start's admin token where its owner finds it, durably.
func keepToken(state string) func(string) error {
	return func(token string) error {
		return durable.Replace(filepath.Join(state, "admin.token"), []byte(strings.TrimSpace(token)+"\n"), 0o600)
	}
}
