package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// writePID records who runs: the pid and its start time, which together name a process for good.
func writePID(path string, pid int) error {
	start, err := startTime(pid)
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, fmt.Appendf(nil, "%d %s\n", pid, start), 0o644); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	return nil
}

// ClearStale ends the child that an earlier csphd recorded in path, if it still runs: it has been sent
// SIGTERM by the kernel, so it gets a moment before SIGKILL.
func ClearStale(ctx context.Context, path string) error {
	pid, start, err := readPID(path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	began := time.Now()
	for sent := syscall.Signal(0); alive(pid, start); {
		want := syscall.SIGTERM
		if time.Since(began) > 3*time.Second {
			want = syscall.SIGKILL
		}
		if sent != want {
			if err := syscall.Kill(pid, want); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("signal pid %d: %w", pid, err)
			}
			sent = want
		}
		if !sleep(ctx, 10*time.Millisecond) {
			return fmt.Errorf("pid %d does not end: %w", pid, ctx.Err())
		}
	}
	return nil
}

// readPID returns pid 0 when there is no file or nothing usable in it.
func readPID(path string) (pid int, start string, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("read pid file: %w", err)
	}
	if _, err := fmt.Sscanf(string(b), "%d %s", &pid, &start); err != nil || pid <= 1 {
		return 0, "", nil
	}
	return pid, start, nil
}

func alive(pid int, start string) bool {
	if pid == 0 {
		return false
	}
	now, err := startTime(pid)
	return err == nil && now == start
}

// startTime is field 22 of /proc/PID/stat (proc(5)): ticks after boot. A zombie counts as gone.
func startTime(pid int) (string, error) {
	b, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "stat"))
	if err != nil {
		return "", fmt.Errorf("read process start time: %w", err)
	}
	// The command name, field 2, is in parentheses and may hold anything: count from the last one.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 20 || fields[0][0] == 'Z' {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	return string(fields[19]), nil
}
