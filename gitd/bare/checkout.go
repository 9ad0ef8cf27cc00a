package bare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
)

// worktree is the checkout of a service: the files of the commit that was last built, and the index
// that remembers them, so that the next checkout touches only what changed.
type worktree struct {
	tree  string // the files
	index string // git's index of them
	dirty string // exists while the two may disagree
}

// Checkout makes the files of commit, and nothing else, present in the folder of service and returns
// it. A file that is the same as in the last checkout is not touched. One checkout of a service at a time.
func (q *Quarantine) Checkout(ctx context.Context, service string, commit plumbing.Hash) (string, error) {
	if !serviceID.MatchString(service) {
		return "", fmt.Errorf("check out: unexpected service id %q", service)
	}
	return q.checkoutAt(ctx, filepath.Join(q.store.sources, service), commit)
}

// checkoutAt is Checkout into a folder: the files are in its folder tree.
func (q *Quarantine) checkoutAt(ctx context.Context, dir string, commit plumbing.Hash) (string, error) {
	w := worktree{tree: filepath.Join(dir, "tree"), index: filepath.Join(dir, "index"), dirty: filepath.Join(dir, "dirty")}
	if err := w.open(); err != nil {
		return "", fmt.Errorf("open checkout: %w", err)
	}
	if err := clearEmbedded(filepath.Join(dir, embeddedList), w.tree); err != nil {
		return "", err
	}
	if err := q.store.backend.checkout(ctx, q.view(), commit, w); err != nil {
		return "", fmt.Errorf("check out %.7s: %w", commit, err)
	}
	if err := os.Remove(w.dirty); err != nil {
		return "", fmt.Errorf("close checkout: %w", err)
	}
	return w.tree, nil
}

// open makes the folders. A checkout that did not end, or whose index is gone, is started afresh.
func (w worktree) open() error {
	_, dirty := os.Stat(w.dirty)
	_, index := os.Stat(w.index)
	if dirty == nil || errors.Is(index, os.ErrNotExist) {
		if err := errors.Join(os.RemoveAll(w.tree), os.RemoveAll(w.index)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(w.index + ".lock"); err != nil {
		return err
	}
	if err := os.MkdirAll(w.tree, 0o755); err != nil {
		return err
	}
	return os.WriteFile(w.dirty, nil, 0o600)
}

// checkout lets git compare the index with the commit and write the difference.
func (g *gitProgram) checkout(ctx context.Context, v view, commit plumbing.Hash, w worktree) error {
	cmd := g.command(ctx, v, "read-tree", "--reset", "-u", commit.String())
	cmd.Dir = w.tree
	cmd.Env = append(cmd.Env, "GIT_WORK_TREE="+w.tree, "GIT_INDEX_FILE="+w.index)
	var stderr tail
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return commandError(ctx, "read-tree", &stderr, err)
	}
	return nil
}
