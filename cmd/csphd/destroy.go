package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"csph/builder"
	"csph/daemon"
	"csph/host"
)

func destroyCommand() *cobra.Command {
	var yes bool
	var state string
	cmd := &cobra.Command{
		Use:   "destroy --state DIR --yes",
		Short: "Remove every container, cgroup, interface, rule and file of one csphd, apps and data included",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return fmt.Errorf("this removes every app and all data in %s; say --yes if that is meant", state)
			}
			return destroy(cmd.Context(), state)
		},
	}
	cmd.Flags().StringVar(&state, "state", defaults().State, "state folder")
	cmd.Flags().BoolVar(&yes, "yes", false, "yes, remove it all")
	return cmd
}

const destroyTimeout = 2 * time.Minute

func destroy(ctx context.Context, state string) error {
	ctx, cancel := context.WithTimeout(ctx, destroyTimeout)
	defer cancel()
	state, err := filepath.Abs(state)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(state, "instance.json")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is no state folder of csphd: it has no instance.json", state)
	}
	unlock, err := lockState(state)
	if err != nil {
		return err
	}
	defer unlock()
	instance, err := host.Open(state)
	if err != nil {
		return err
	}
	for _, pid := range []string{"containerd/containerd.pid", "buildkit/buildkitd.pid"} {
		if err := daemon.ClearStale(ctx, filepath.Join(state, pid)); err != nil {
			return err
		}
	}
	if err := errors.Join(builder.RemoveNetwork(ctx, instance), instance.Destroy(ctx)); err != nil {
		return err
	}
	return removeState(state)
}

// removeState removes the state folder; one that is a mount point is only emptied.
func removeState(state string) error {
	entries, err := os.ReadDir(state)
	if err != nil {
		return fmt.Errorf("remove %s: %w", state, err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(state, e.Name())); err != nil {
			return fmt.Errorf("remove %s: %w", state, err)
		}
	}
	if err := os.Remove(state); err != nil && !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("remove %s: %w", state, err)
	}
	return nil
}
