package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
			if err := destroy(cmd.Context(), state); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Removed %s, with its apps and all that it had on this machine\n", state)
			return err
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
	if err := errors.Join(builder.RemoveNetwork(ctx, instance), instance.Destroy(ctx), removeShimSockets(state)); err != nil {
		return err
	}
	return removeState(state)
}

// removeShimSockets removes the sockets of containerd's shims, which are outside of the state folder and stay when a
// shim is killed. The shims have ended.
func removeShimSockets(state string) error {
	bundles, err := fs.Glob(os.DirFS(state), "containerd/run/io.containerd.runtime.v2.task/*/*/bootstrap.json")
	if err != nil {
		return fmt.Errorf("look for shims: %w", err)
	}
	var errs []error
	for _, path := range bundles {
		text, err := os.ReadFile(filepath.Join(state, path))
		var shim struct{ Address string }
		if err == nil {
			err = json.Unmarshal(text, &shim)
		}
		if socket, ok := strings.CutPrefix(shim.Address, "unix://"); ok && err == nil {
			err = os.Remove(socket)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove the socket of a shim: %w", err))
		}
	}
	return errors.Join(errs...)
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
