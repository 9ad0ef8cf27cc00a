package gitd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"

	"csph/gitd/bare"
	"csph/gitd/remote"
)

// addObjects puts the contents of a commit's Git LFS files into the checkout, below at, where the repository was connected
// with that choice. They count towards the limit of the checkout, and are kept for the next one.
func (c *clone) addObjects(ctx context.Context, q *bare.Quarantine, from remote.Repository, commit plumbing.Hash, at string) error {
	if !from.LFS {
		return nil
	}
	pointers, err := q.Pointers(ctx, commit)
	if err != nil || len(pointers) == 0 {
		return err
	}
	limit := c.server.config.Limits.WithDefaults().Checkout
	for _, p := range pointers {
		if c.size += min(p.Size, limit+1); c.size > limit {
			return &bare.TreeError{Err: fmt.Errorf("the files of the commit and its Git LFS files are larger than %d MB together", limit>>20)}
		}
	}
	dir, err := q.ObjectDir(c.service)
	if err != nil {
		return err
	}
	if err := c.fetchObjects(ctx, from, pointers, dir); err != nil {
		return err
	}
	for _, p := range pointers {
		if err := q.EmbedFile(c.service, path.Join(at, p.Path), filepath.Join(dir, p.OID)); err != nil {
			return err
		}
		c.objects[p.OID] = true
	}
	return nil
}

// fetchObjects fetches the contents that are not in dir yet.
func (c *clone) fetchObjects(ctx context.Context, from remote.Repository, pointers []bare.Pointer, dir string) error {
	var wanted []remote.Object
	asked := map[string]bool{}
	for _, p := range pointers {
		info, err := os.Stat(filepath.Join(dir, p.OID))
		if err == nil && info.Size() == p.Size || asked[p.OID] {
			continue
		}
		asked[p.OID] = true
		wanted = append(wanted, remote.Object{OID: p.OID, Size: p.Size})
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep Git LFS files: %w", err)
	}
	return c.server.remote.Objects(ctx, from, wanted, func(o remote.Object, content io.Reader) error {
		return keepObject(filepath.Join(dir, o.OID), content)
	})
}

// keepObject writes a file that is there whole or not at all.
func keepObject(name string, content io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(name), "arriving-")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// dropObjects removes the contents that the checkout does not have.
func (c *clone) dropObjects(q *bare.Quarantine) error {
	dir, err := q.ObjectDir(c.service)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if !c.objects[e.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
