package source

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tree is a folder that can be packed.
type Tree struct {
	dir string

	// Commit is the abbreviated HEAD, "" when the files themselves are packed.
	Commit string
	// Dirty is how many files of the folder differ from HEAD, and so are not in the archive as they are.
	Dirty int
}

// Open looks at dir: in a git work tree with a commit, HEAD is what is packed, else the files. It runs
// git where it is installed.
func Open(ctx context.Context, dir string) (*Tree, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find folder: %w", err)
	}
	if at, err := os.Stat(dir); err != nil || !at.IsDir() {
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	t := &Tree{dir: dir}
	commit, err := git(ctx, dir, "rev-parse", "--short=12", "--verify", "--quiet", "HEAD")
	if err != nil || commit == "" {
		return t, nil
	}
	tracked, err := git(ctx, dir, "ls-tree", "--name-only", "HEAD", ".")
	if err != nil || tracked == "" {
		return t, nil // a folder that the repository around it does not track
	}
	changes, err := git(ctx, dir, "status", "--porcelain", "--", ".")
	if err != nil {
		return nil, fmt.Errorf("ask git for changes: %w", err)
	}
	t.Commit = commit
	if changes != "" {
		t.Dirty = strings.Count(changes, "\n") + 1
	}
	return t, nil
}

// Remote is the URL of dir's git remote name, "" when there is none.
func Remote(ctx context.Context, dir, name string) string {
	url, err := git(ctx, dir, "config", "--get", "remote."+name+".url")
	if err != nil {
		return ""
	}
	return url
}

// git runs git in dir and returns what it prints, without the last newline.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	out, err := cmd.Output()
	return strings.TrimRight(string(out), "\n"), err
}

// walk gives emit every entry that is to be deployed.
func (t *Tree) walk(ctx context.Context, emit func(*tar.Header, io.Reader) error) error {
	f, err := readFilter(t.dir, t.Commit == "")
	if err != nil {
		return err
	}
	p := &packer{dir: t.dir, filter: f, emit: emit}
	if t.Commit != "" {
		return p.head(ctx)
	}
	return p.files(ctx)
}

// head packs HEAD by way of git archive, which leaves out what .gitattributes says (export-ignore).
func (p *packer) head(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "-C", p.dir, "archive", "--format=tar", "HEAD")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run git archive: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run git archive: %w", err)
	}
	copied := p.copy(tar.NewReader(out))
	if copied != nil {
		cancel()
	}
	_, drained := io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil && copied == nil {
		return fmt.Errorf("git archive: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return errors.Join(copied, drained)
}
