package bare

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"csph/durable"
)

// Quarantine holds the objects of one push until they are judged. They are visible only through it.
// Not safe for concurrent use.
type Quarantine struct {
	store      *Store
	repository *Repository
	dir        string          // of the quarantine; its objects are in objects/, as in a repository
	shallow    string          // shallow file in force; "" for the repository's own
	roots      []plumbing.Hash // commits that become shallow with this push
	whole      bool            // the pack links to nothing outside itself
}

// Quarantine makes one for a push to r.
func (r *Repository) Quarantine() (*Quarantine, error) {
	dir, err := os.MkdirTemp(r.store.quarantineDir(), "push-")
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "objects", "pack"), 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("make quarantine: %w", err)
	}
	return &Quarantine{store: r.store, repository: r, dir: dir}, nil
}

// Close removes the quarantine with what is still in it.
func (q *Quarantine) Close() error {
	if err := os.RemoveAll(q.dir); err != nil {
		return fmt.Errorf("remove quarantine: %w", err)
	}
	return nil
}

// MoveTo makes r the repository that the quarantine belongs to: a push to a service that was not
// there yet is judged against the empty repository, and ends in the new one.
func (q *Quarantine) MoveTo(r *Repository) { q.repository = r }

func (q *Quarantine) view() view {
	return view{repository: q.repository.dir, quarantine: filepath.Join(q.dir, "objects"), shallow: q.shallow}
}

// Index takes a pack in, checking every object, and closes pack, which must end a read from it.
// shallow is the client's own boundary, progress gets what git has to say meanwhile. The errors are ErrCorrupt, ErrTooLarge and ErrDiskFull, for the
// user, and others for the log.
func (q *Quarantine) Index(ctx context.Context, pack io.ReadCloser, shallow []plumbing.Hash, progress io.Writer) error {
	defer pack.Close()
	if err := q.assumeShallow(shallow); err != nil {
		return err
	}
	full, empty, err := peekPack(pack)
	if err != nil || empty {
		return err
	}
	if q.whole, err = q.store.backend.index(ctx, q.view(), rest{full, pack}, progress); err != nil {
		return fmt.Errorf("index pack: %w", err)
	}
	return q.settleShallow(ctx, shallow)
}

// rest is a reader of what is left of a pack, with the pack's own Close.
type rest struct {
	io.Reader
	io.Closer
}

// peekPack reads the header of a pack (gitformat-pack(5)); an empty one is read to its end.
func peekPack(pack io.Reader) (full io.Reader, empty bool, err error) {
	var header [12]byte
	if _, err := io.ReadFull(pack, header[:]); err != nil {
		return nil, false, fmt.Errorf("%w: it ends before it begins", ErrCorrupt)
	}
	if string(header[:4]) != "PACK" {
		return nil, false, fmt.Errorf("%w: it is no pack", ErrCorrupt)
	}
	if binary.BigEndian.Uint32(header[8:]) > 0 {
		return io.MultiReader(bytes.NewReader(header[:]), pack), false, nil
	}
	var sum [20]byte
	if _, err := io.ReadFull(pack, sum[:]); err != nil {
		return nil, false, fmt.Errorf("%w: it is cut off", ErrCorrupt)
	}
	return nil, true, nil
}

// assumeShallow believes the client's boundary while the pack is indexed.
func (q *Quarantine) assumeShallow(client []plumbing.Hash) error {
	if len(client) == 0 {
		return nil
	}
	known, err := q.repository.Shallow()
	if err != nil {
		return err
	}
	q.shallow = filepath.Join(q.dir, "shallow")
	return writeShallow(q.shallow, append(known, client...))
}

// settleShallow keeps, of the client's boundary, the commits that came without a parent that the
// repository does not have either. The others need no mark.
func (q *Quarantine) settleShallow(ctx context.Context, client []plumbing.Hash) error {
	if len(client) == 0 {
		return nil
	}
	known, err := q.repository.Shallow()
	if err != nil {
		return err
	}
	if q.roots, err = q.orphans(ctx, client); err != nil {
		return fmt.Errorf("judge shallow commits: %w", err)
	}
	q.whole = false
	return writeShallow(q.shallow, append(known, q.roots...))
}

// orphans returns those of ids that are commits with a parent missing.
func (q *Quarantine) orphans(ctx context.Context, ids []plumbing.Hash) ([]plumbing.Hash, error) {
	kinds, err := q.Kinds(ctx, ids)
	if err != nil {
		return nil, err
	}
	commits := slices.DeleteFunc(slices.Clone(ids), func(id plumbing.Hash) bool { return kinds[id] != plumbing.CommitObject })
	parents := make(map[plumbing.Hash][]plumbing.Hash)
	var all []plumbing.Hash
	err = q.store.backend.contents(ctx, q.view(), commits, maxCommit, func(i int, content []byte) error {
		_, above, err := readCommit(content)
		parents[commits[i]], all = above, append(all, above...)
		return err
	})
	if err != nil {
		return nil, err
	}
	present, err := q.Kinds(ctx, all)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(commits, func(id plumbing.Hash) bool {
		return !slices.ContainsFunc(parents[id], func(p plumbing.Hash) bool { return present[p] != plumbing.CommitObject })
	}), nil
}

// Kinds tells the types of the objects that are there.
func (q *Quarantine) Kinds(ctx context.Context, ids []plumbing.Hash) (map[plumbing.Hash]plumbing.ObjectType, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	kinds, err := q.store.backend.kinds(ctx, q.view(), ids, false)
	if err != nil {
		return nil, fmt.Errorf("look objects up: %w", err)
	}
	return kinds, nil
}

// Connected fails with ErrDisconnected unless everything reachable from tips is there.
func (q *Quarantine) Connected(ctx context.Context, tips []plumbing.Hash) error {
	if q.whole {
		own, err := q.store.backend.kinds(ctx, q.view(), tips, true)
		if err != nil {
			return fmt.Errorf("look tips up: %w", err)
		}
		if !slices.ContainsFunc(tips, func(id plumbing.Hash) bool { return own[id] == plumbing.InvalidObject }) {
			return nil // the indexer has followed every link already
		}
	}
	return q.store.backend.connected(ctx, q.view(), tips)
}

// Migrate moves the objects into the repository, durably. Until references point to them they are
// garbage there, which housekeeping removes in time.
func (q *Quarantine) Migrate() error {
	if err := q.migratePacks(); err != nil {
		return fmt.Errorf("take objects over: %w", err)
	}
	if len(q.roots) == 0 {
		return nil
	}
	known, err := q.repository.Shallow()
	if err != nil {
		return err
	}
	return writeShallow(filepath.Join(q.repository.dir, "shallow"), append(known, q.roots...))
}

// migratePacks renames the indexes last: a pack exists for readers once its index does.
func (q *Quarantine) migratePacks() error {
	from, to := filepath.Join(q.dir, "objects", "pack"), filepath.Join(q.repository.dir, "objects", "pack")
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	isIndex := func(name string) bool { return strings.HasSuffix(name, ".idx") }
	for _, indexes := range []bool{false, true} {
		for _, entry := range entries {
			if name := entry.Name(); isIndex(name) == indexes {
				err = errors.Join(err, os.Rename(filepath.Join(from, name), filepath.Join(to, name)))
			}
		}
		if err = errors.Join(err, durable.SyncDir(to)); err != nil {
			return err
		}
	}
	return nil
}
