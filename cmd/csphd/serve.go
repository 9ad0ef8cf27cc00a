package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
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

// serve runs csphd until ctx ends. Apps keep running afterwards.
func serve(ctx context.Context, c Config) error {
	level, err := logLevel(c.LogLevel)
	if err != nil {
		return err
	}
	logger := newLogger(level)
	unlock, err := lockState(c.State)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := assemble(ctx, c, logger)
	if err != nil {
		return err
	}
	defer s.db.Close()
	return s.run(ctx)
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
	return func() { f.Close() }, nil
}

// keepToken puts the first start's admin token where its owner finds it, durably.
func keepToken(state string) func(string) error {
	return func(token string) error {
		path := filepath.Join(state, "admin.token")
		f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.WriteString(strings.TrimSpace(token) + "\n"); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			return err
		}
		dir, err := os.Open(state)
		if err != nil {
			return err
		}
		defer dir.Close()
		return dir.Sync()
	}
}
