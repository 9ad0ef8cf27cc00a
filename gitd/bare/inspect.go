package bare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Commit is what is worth knowing of a commit before it is deployed.
type Commit struct {
	ID         plumbing.Hash
	Subject    string // first line of the message
	Files      int
	Size       int64    // bytes of all files
	Submodules []string // paths, the first few
	LFS        []string // paths of Git LFS pointer files, the first few
}

// TreeError says which file of a commit cannot be deployed, and why. It is for the user.
type TreeError struct {
	Path string // may be ""
	Err  error
}

func (e *TreeError) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%q: %v", e.Path, e.Err)
}

func (e *TreeError) Unwrap() error { return e.Err }

// Bounds of what is read of a commit.
const (
	maxCommit     = 1 << 20
	maxTarget     = 4096 // bytes of a symlink's target
	maxAttributes = 1 << 20
	maxPointer    = 1024 // bytes of a Git LFS pointer (its specification: smaller than that)
	maxNamed      = 5    // paths named in a warning
	maxPointers   = 1000 // small files looked at for being LFS pointers
)

// Inspect reads a commit and judges every path of its tree. The error is a *TreeError when the commit
// must not be checked out.
func (q *Quarantine) Inspect(ctx context.Context, commit plumbing.Hash) (Commit, error) {
	i := &inspection{q: q, commit: Commit{ID: commit}}
	for _, look := range []func(context.Context) error{i.readTree, i.readLinks, i.readMessage, i.readAttributes} {
		if err := look(ctx); err != nil {
			return Commit{}, fmt.Errorf("inspect commit: %w", err)
		}
	}
	return i.commit, nil
}

type inspection struct {
	q          *Quarantine
	commit     Commit
	links      []file
	attributes []file
}

func (i *inspection) readTree(ctx context.Context) error {
	return i.q.store.backend.walk(ctx, i.q.view(), i.commit.ID, i.takeFile)
}

func (i *inspection) takeFile(f file) error {
	if err := errors.Join(checkPath(f.path), checkMode(f.mode)); err != nil {
		return &TreeError{Path: f.path, Err: err}
	}
	limits := i.q.store.limits
	i.commit.Files++
	i.commit.Size += f.size
	if i.commit.Files > limits.Files {
		return &TreeError{Err: fmt.Errorf("the commit has more than %d files", limits.Files)}
	}
	if i.commit.Size > limits.Checkout {
		return &TreeError{Err: fmt.Errorf("the files of the commit are larger than %d MB together", limits.Checkout>>20)}
	}
	switch {
	case f.mode == modeSymlink && f.size > maxTarget:
		return &TreeError{Path: f.path, Err: errors.New("the target of the symlink is too long")}
	case f.mode == modeSymlink:
		i.links = append(i.links, f)
	case f.mode == modeSubmodule && len(i.commit.Submodules) < maxNamed:
		i.commit.Submodules = append(i.commit.Submodules, f.path)
	case f.path == ".gitattributes" || strings.HasSuffix(f.path, "/.gitattributes"):
		i.attributes = append(i.attributes, f)
	}
	return nil
}

func ids(files []file) []plumbing.Hash {
	list := make([]plumbing.Hash, 0, len(files))
	for _, f := range files {
		list = append(list, f.id)
	}
	return list
}

func (i *inspection) contents(ctx context.Context, files []file, limit int64, visit func(n int, content []byte) error) error {
	if len(files) == 0 {
		return nil
	}
	return i.q.store.backend.contents(ctx, i.q.view(), ids(files), limit, visit)
}

func (i *inspection) readLinks(ctx context.Context) error {
	links := make(symlinks, len(i.links))
	err := i.contents(ctx, i.links, maxTarget, func(n int, target []byte) error {
		links[i.links[n].path] = string(target)
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range i.links {
		if err := links.check(f.path); err != nil {
			return &TreeError{Path: f.path, Err: fmt.Errorf("the symlink to %q is refused: %w", links[f.path], err)}
		}
	}
	return nil
}

func (i *inspection) readMessage(ctx context.Context) error {
	commit := []plumbing.Hash{i.commit.ID}
	return i.q.store.backend.contents(ctx, i.q.view(), commit, maxCommit, func(_ int, content []byte) error {
		i.commit.Subject = subjectOf(content)
		return nil
	})
}

// readAttributes looks for Git LFS: only where an attribute asks for it are files read.
func (i *inspection) readAttributes(ctx context.Context) error {
	uses := false
	err := i.contents(ctx, i.attributes, maxAttributes, func(_ int, content []byte) error {
		uses = uses || bytes.Contains(content, []byte("filter=lfs"))
		return nil
	})
	if err != nil || !uses {
		return err
	}
	var small []file
	err = i.q.store.backend.walk(ctx, i.q.view(), i.commit.ID, func(f file) error {
		if f.mode != modeSymlink && f.size > 0 && f.size < maxPointer && len(small) < maxPointers {
			small = append(small, f)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return i.contents(ctx, small, maxPointer, func(n int, content []byte) error {
		if bytes.HasPrefix(content, []byte("version https://git-lfs.github.com/spec/v1\n")) && len(i.commit.LFS) < maxNamed {
			i.commit.LFS = append(i.commit.LFS, small[n].path)
		}
		return nil
	})
}

// subjectOf returns the first line of the message of a raw commit object.
func subjectOf(commit []byte) string {
	_, message, _ := bytes.Cut(commit, []byte("\n\n"))
	subject, _, _ := bytes.Cut(bytes.TrimLeft(message, "\n"), []byte("\n"))
	return strings.ToValidUTF8(string(bytes.TrimSpace(subject)), "\uFFFD")
}
