package bare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// checks are the departures from what git fsck finds grave: mistakes of old clients that real histories
// are full of and that hurt nobody pass, modes that git does not write do not.
const checks = "missingSpaceBeforeDate=ignore,badTimezone=ignore,zeroPaddedFilemode=ignore,badFilemode=error"

// index runs git index-pack, which checks every object (git-fsck(1)) and every link between them as
// it goes. Its memory is limited, so that a delta that unfolds to gigabytes ends it and nothing else.
func (g *gitProgram) index(ctx context.Context, v view, pack io.ReadCloser, progress io.Writer) (bool, error) {
	cmd := g.command(ctx, v, "index-pack", "--stdin", "--fix-thin", "--strict="+checks,
		"--check-self-contained-and-connected", "--show-resolving-progress",
		"--max-input-size="+strconv.FormatInt(g.limits.Pack, 10))
	var stderr tail
	cmd.Stderr = io.MultiWriter(&stderr, &progressLines{to: progress})
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return false, fmt.Errorf("open pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start git index-pack: %w", err)
	}
	if err := limitMemory(cmd, g.limits.Memory); err != nil {
		stdin.Close()
		return false, errors.Join(err, cmd.Cancel(), cmd.Wait())
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		feed(stdin, pack)
	}()
	err = cmd.Wait()
	pack.Close() // ends a read that waits for more than the pack
	<-fed
	return judgeIndex(ctx, &stderr, err)
}

// feed copies the pack to the child. When either side ends early the child says why.
func feed(stdin io.WriteCloser, pack io.Reader) {
	_, _ = io.CopyBuffer(struct{ io.Writer }{stdin}, struct{ io.Reader }{pack}, make([]byte, 128<<10))
	_ = stdin.Close()
}

func limitMemory(cmd *exec.Cmd, bytes int64) error {
	limit := unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
	if err := unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_DATA, &limit, nil); err != nil {
		return fmt.Errorf("limit memory of git: %w", err)
	}
	return nil
}

// judgeIndex reads the end of index-pack: 0 whole, 1 with links to objects outside the pack.
func judgeIndex(ctx context.Context, stderr *tail, err error) (whole bool, _ error) {
	if err == nil {
		return true, nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || ctx.Err() != nil {
		return false, commandError(ctx, "index-pack", stderr, err)
	}
	said := lastLine(stderr.String())
	switch {
	case exit.ExitCode() == 1:
		return false, nil
	case strings.Contains(said, "exceeds maximum allowed size"):
		return false, ErrTooLarge
	case strings.Contains(said, "No space left on device"):
		return false, ErrDiskFull
	case strings.Contains(said, "ut of memory") || strings.Contains(said, "mmap failed") || exit.ExitCode() < 0:
		return false, fmt.Errorf("%w: it unfolds to more memory than is allowed", ErrCorrupt)
	}
	return false, fmt.Errorf("%w: %s", ErrCorrupt, said)
}

// lastLine returns the last thing git complained about, without git's own prefix.
func lastLine(stderr string) string {
	lines := strings.FieldsFunc(stderr, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		for _, prefix := range []string{"fatal: ", "error: "} {
			if said, ok := strings.CutPrefix(lines[i], prefix); ok {
				return said
			}
		}
	}
	return "git index-pack ended unexpectedly"
}

// progressLines lets git's progress through, and holds back its errors: those are told in the report.
type progressLines struct{ to io.Writer }

func (p *progressLines) Write(b []byte) (int, error) {
	text := string(b)
	if strings.HasPrefix(text, "fatal: ") || strings.HasPrefix(text, "error: ") || strings.HasPrefix(text, "warning: ") {
		return len(b), nil
	}
	// A terminal that is gone must not fail the push here: the session's context ends it.
	_, _ = p.to.Write(b)
	return len(b), nil
}

// uploadPack serves one fetch by git upload-pack, which only reads.
func (g *gitProgram) uploadPack(ctx context.Context, v view, s Stream) error {
	cmd := g.command(ctx, v, "upload-pack", "--strict", "--timeout=300", v.repository)
	if s.Protocol != "" {
		cmd.Env = append(cmd.Env, "GIT_PROTOCOL="+s.Protocol)
	}
	cmd.Stdout, cmd.Stderr = s.Out, s.Err
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("open pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start git upload-pack: %w", err)
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		feed(stdin, s.In)
	}()
	err = cmd.Wait()
	s.In.Close()
	<-fed
	return err
}

// housekeep runs git gc --auto at the lowest priority.
func (g *gitProgram) housekeep(ctx context.Context, v view) error {
	cmd := g.command(ctx, v, "gc", "--auto", "--quiet")
	var stderr tail
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start git gc: %w", err)
	}
	if err := lowPriority(cmd.Process); err != nil {
		return errors.Join(fmt.Errorf("lower priority: %w", err), cmd.Cancel(), cmd.Wait())
	}
	if err := cmd.Wait(); err != nil {
		return commandError(ctx, "gc", &stderr, err)
	}
	return nil
}
