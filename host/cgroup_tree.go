package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dirs lists the directories that make up the group: one in every hierarchy where it exists.
func (c Cgroup) dirs() []string {
	var found []string
	for _, m := range c.root.mounts {
		dir := filepath.Join(m, c.path)
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			found = append(found, dir)
		}
	}
	return found
}

// Exists reports whether the group is there, in any hierarchy.
func (c Cgroup) Exists() bool { return len(c.dirs()) > 0 }

// Children lists the names of the groups directly below, sorted; none when the group is not there.
func (c Cgroup) Children() ([]string, error) {
	var names []string
	for _, dir := range c.dirs() {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list cgroup %s: %w", c.path, err)
		}
		for _, e := range entries {
			if e.IsDir() {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Child is the group called name directly below.
func (c Cgroup) Child(name string) Cgroup {
	return Cgroup{path: filepath.Join(c.path, name), root: c.root}
}

// Processes lists the processes in the group and in those below it; none when it is not there.
func (c Cgroup) Processes() ([]int, error) {
	var pids []int
	err := c.walk(func(dir string) error {
		b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return ignoreGone(err)
		}
		for f := range bytes.FieldsSeq(b) {
			if pid, err := strconv.Atoi(string(f)); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the processes of cgroup %s: %w", c.path, err)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// file reads one of the group's control files, from whichever hierarchy has it; "" when none has.
func (c Cgroup) file(name string) string {
	for _, dir := range c.dirs() {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return strings.TrimSpace(string(b))
		}
	}
	return ""
}

// Kill sends SIGKILL to every process in the group and below, again and again until none is left or ctx ends.
func (c Cgroup) Kill(ctx context.Context) error {
	return c.until(ctx, "kill the processes", func() (bool, error) {
		pids, err := c.Processes()
		for _, pid := range pids {
			err = errors.Join(err, ignoreGone(syscall.Kill(pid, syscall.SIGKILL)))
		}
		return len(pids) == 0, err
	})
}

// Remove removes the group and those below it, waiting for processes that are just ending. It kills
// nothing: with a living process in the group it fails when ctx ends. Removing what is not there is no error.
func (c Cgroup) Remove(ctx context.Context) error {
	return c.until(ctx, "remove", func() (bool, error) {
		busy := false
		err := c.walk(func(dir string) error {
			err := syscall.Rmdir(dir)
			busy = busy || errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.ENOTEMPTY)
			if busy {
				return nil
			}
			return ignoreGone(err)
		})
		return !busy, err
	})
}

// until calls try, which reports whether it is done, with growing pauses: cgroup v1 tells nobody when a
// process has left.
func (c Cgroup) until(ctx context.Context, what string, try func() (bool, error)) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		done, err := try()
		if err != nil {
			return fmt.Errorf("%s of cgroup %s: %w", what, c.path, err)
		}
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s of cgroup %s: processes are still in it: %w", what, c.path, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// walk visits every directory of the group, the innermost first.
func (c Cgroup) walk(visit func(dir string) error) error {
	for _, top := range c.dirs() {
		var dirs []string
		err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return ignoreGone(err)
			}
			if d.IsDir() {
				dirs = append(dirs, p)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, d := range slices.Backward(dirs) {
			if err := visit(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// ignoreGone drops the errors that say that a cgroup or a process ended while it was looked at.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
