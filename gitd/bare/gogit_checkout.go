package bare

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// checkout writes what differs between the last checkout, as its index remembers it, and commit. All
// of it goes through an os.Root: nothing that a tree holds can lead a write out of the folder.
func (g *goGit) checkout(ctx context.Context, v view, commit plumbing.Hash, w worktree) error {
	root, err := os.OpenRoot(w.tree)
	if err != nil {
		return err
	}
	defer root.Close()
	c := &writer{layers: open(v, false), root: root, last: make(map[string]*index.Entry)}
	defer c.layers.close()
	if err := c.readIndex(w.index); err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	var wanted []file
	if err := g.walk(ctx, v, commit, func(f file) error { wanted = append(wanted, f); return nil }); err != nil {
		return err
	}
	if err := c.removeOthers(wanted); err != nil {
		return fmt.Errorf("remove files: %w", err)
	}
	for _, f := range wanted {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.place(f); err != nil {
			return fmt.Errorf("write %q: %w", f.path, err)
		}
	}
	return c.writeIndex(w.index)
}

// writer is one checkout.
type writer struct {
	layers layers
	root   *os.Root
	last   map[string]*index.Entry
	next   []*index.Entry
}

func (c *writer) readIndex(name string) error {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var last index.Index
	if err := index.NewDecoder(bufio.NewReader(f)).Decode(&last); err != nil {
		return err
	}
	for _, e := range last.Entries {
		c.last[e.Name] = e
	}
	return nil
}

// writeIndex replaces the index; the file is whole or the old one, since a checkout that was cut off
// is started afresh.
func (c *writer) writeIndex(name string) error {
	f, err := os.Create(name + ".lock")
	if err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	out := bufio.NewWriter(f)
	err = index.NewEncoder(out).Encode(&index.Index{Version: 2, Entries: c.next})
	if err = errors.Join(err, out.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	return os.Rename(name+".lock", name)
}

// removeOthers removes what the commit does not have, and the folders that are empty then: first, so
// that a file can take the place of a folder.
func (c *writer) removeOthers(wanted []file) error {
	keep := make(map[string]bool, len(wanted))
	for _, f := range wanted {
		keep[f.path] = true
	}
	for name := range c.last {
		if keep[name] {
			continue
		}
		if err := c.root.RemoveAll(filepath.FromSlash(name)); err != nil {
			return err
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if c.root.Remove(filepath.FromSlash(dir)) != nil {
				break // not empty
			}
		}
	}
	return nil
}

// place makes one file what the commit says, unless it is that already.
func (c *writer) place(f file) error {
	mode := filemode.FileMode(f.mode)
	if mode == modeGroupFile {
		mode = filemode.Regular
	}
	name := filepath.FromSlash(f.path)
	before := c.last[f.path]
	if info, err := c.root.Lstat(name); err == nil && before != nil && before.Hash == f.id && before.Mode == mode &&
		info.ModTime().Equal(before.ModifiedAt) && (f.mode == modeSubmodule || uint32(info.Size()) == before.Size) {
		c.next = append(c.next, before)
		return nil
	}
	if err := c.write(f, name); err != nil {
		return err
	}
	info, err := c.root.Lstat(name)
	if err != nil {
		return err
	}
	c.next = append(c.next, &index.Entry{Hash: f.id, Name: f.path, Mode: mode, ModifiedAt: info.ModTime(),
		CreatedAt: info.ModTime(), Size: uint32(info.Size())})
	return nil
}

func (c *writer) write(f file, name string) error {
	if err := c.root.RemoveAll(name); err != nil {
		return err
	}
	if err := c.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch f.mode {
	case modeSubmodule:
		return c.root.Mkdir(name, 0o755)
	case modeSymlink:
		target, err := c.layers.read(f.id, maxTarget)
		if err != nil {
			return err
		}
		return c.root.Symlink(string(target), name)
	}
	permission := fs.FileMode(0o644)
	if f.mode == modeExecutable {
		permission = 0o755
	}
	return c.copy(f.id, name, permission)
}

func (c *writer) copy(id plumbing.Hash, name string, permission fs.FileMode) error {
	o, err := c.layers.object(id)
	if err != nil {
		return err
	}
	from, err := o.Reader()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := c.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, permission)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}
