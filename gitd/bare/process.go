package bare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// gitProgram is the backend of an installed git. Every method runs child processes that see a clean
// environment and no configuration but ours.
type gitProgram struct {
	path   string
	home   string
	limits Limits
}

func (g *gitProgram) thin() bool { return true }

// killDelay is how long a cancelled child's pipes may stay open before they are closed on it.
const killDelay = 5 * time.Second

// command prepares a git command on v. Cancelling ctx kills it with all its children.
func (g *gitProgram) command(ctx context.Context, v view, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.path, arguments...)
	cmd.Dir = v.repository
	cmd.Env = g.environment(v)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killDelay
	return cmd
}

func (g *gitProgram) environment(v view) []string {
	env := []string{
		"PATH=" + filepath.Dir(g.path) + ":/usr/local/bin:/usr/bin:/bin",
		"HOME=" + g.home,
		"LC_ALL=C",
		"TZ=UTC",
		"GIT_DIR=" + v.repository,
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
	}
	if v.quarantine != "" {
		env = append(env, "GIT_OBJECT_DIRECTORY="+v.quarantine,
			"GIT_ALTERNATE_OBJECT_DIRECTORIES="+quotePath(filepath.Join(v.repository, "objects")))
	}
	if v.shallow != "" {
		env = append(env, "GIT_SHALLOW_FILE="+v.shallow)
	}
	return env
}

// quotePath writes a path for a colon-separated list of git's, which takes C-quoted ones (git(1)).
func quotePath(path string) string {
	if !strings.ContainsAny(path, ":\"\\\n") {
		return path
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// run runs a command to its end.
func (g *gitProgram) run(ctx context.Context, v view, stdin io.Reader, arguments ...string) ([]byte, error) {
	cmd := g.command(ctx, v, arguments...)
	var stdout bytes.Buffer
	var stderr tail
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, commandError(ctx, arguments[0], &stderr, err)
	}
	return stdout.Bytes(), nil
}

// stream runs a command and hands its output to read while it runs. When read fails, the command is
// ended and read's error returned.
func (g *gitProgram) stream(ctx context.Context, v view, stdin io.Reader, read func(io.Reader) error, arguments ...string) error {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := g.command(running, v, arguments...)
	var stderr tail
	cmd.Stdin, cmd.Stderr = stdin, &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("open pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start git %s: %w", arguments[0], err)
	}
	readErr := read(stdout)
	if readErr != nil {
		cancel()
	}
	err = cmd.Wait()
	if err != nil && (readErr == nil || errors.Is(readErr, io.EOF) || errors.Is(readErr, io.ErrUnexpectedEOF)) {
		return commandError(ctx, arguments[0], &stderr, err)
	}
	return readErr
}

// programError is git's own account of why it failed.
type programError struct {
	command string
	stderr  string
	err     error
}

func (e *programError) Error() string {
	return fmt.Sprintf("git %s: %v: %s", e.command, e.err, e.stderr)
}

func (e *programError) Unwrap() error { return e.err }

func commandError(ctx context.Context, command string, stderr *tail, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("git %s: %w", command, cause)
	}
	if strings.Contains(stderr.String(), "No space left on device") || errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("git %s: %w", command, ErrDiskFull)
	}
	return &programError{command: command, stderr: strings.TrimSpace(stderr.String()), err: err}
}

// tail keeps the last bytes written to it.
type tail struct{ kept []byte }

const tailSize = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*tailSize {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-tailSize:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }

// lowPriority makes a running process, and what it starts from now on, yield to everything else.
func lowPriority(p *os.Process) error {
	return syscall.Setpriority(syscall.PRIO_PROCESS, p.Pid, 19)
}
