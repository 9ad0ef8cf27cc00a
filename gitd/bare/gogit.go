package bare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// goGit is the backend where no git is installed. It holds objects in memory to check them, so that
// it bounds what one may unfold to; it never repacks, so that what was complete once stays complete.
type goGit struct {
	limits Limits
	mu     sync.Mutex // held while references change
}

func newGoGit(limits Limits) *goGit { return &goGit{limits: limits} }

func (g *goGit) thin() bool { return false }

func storageAt(dir string) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(osfs.New(dir, osfs.WithBoundOS()), cache.NewObjectLRU(8*cache.MiByte),
		filesystem.Options{LargeObjectThreshold: 8 << 20})
}

// layers are the objects of a view: the quarantine's, then the repository's.
type layers []*filesystem.Storage

func open(v view, own bool) layers {
	var l layers
	if v.quarantine != "" {
		l = append(l, storageAt(filepath.Dir(v.quarantine)))
	}
	if !own {
		l = append(l, storageAt(v.repository))
	}
	return l
}

func (l layers) close() {
	for _, s := range l {
		_ = s.Close() // opened for reading only
	}
}

// object returns an object of any type; plumbing.ErrObjectNotFound.
func (l layers) object(id plumbing.Hash) (plumbing.EncodedObject, error) {
	for _, s := range l {
		o, err := s.EncodedObject(plumbing.AnyObject, id)
		if !errors.Is(err, plumbing.ErrObjectNotFound) {
			return o, err
		}
	}
	return nil, plumbing.ErrObjectNotFound
}

func (l layers) has(id plumbing.Hash) bool {
	for _, s := range l {
		if s.HasEncodedObject(id) == nil {
			return true
		}
	}
	return false
}

func (g *goGit) kinds(_ context.Context, v view, ids []plumbing.Hash, own bool) (map[plumbing.Hash]plumbing.ObjectType, error) {
	l := open(v, own)
	defer l.close()
	kinds := make(map[plumbing.Hash]plumbing.ObjectType, len(ids))
	for _, id := range ids {
		o, err := l.object(id)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		kinds[id] = o.Type()
	}
	return kinds, nil
}

// connected needs to look at the tips only: index refuses an object with a link to one that is
// missing, and no object is ever removed.
func (g *goGit) connected(_ context.Context, v view, tips []plumbing.Hash) error {
	l := open(v, false)
	defer l.close()
	for _, id := range tips {
		if !l.has(id) {
			return fmt.Errorf("%w: %s", ErrDisconnected, id)
		}
	}
	return nil
}

func (g *goGit) references(_ context.Context, v view) (map[plumbing.ReferenceName]plumbing.Hash, error) {
	s := storageAt(v.repository)
	defer layers{s}.close()
	all, err := s.IterReferences()
	if err != nil {
		return nil, err
	}
	refs := make(map[plumbing.ReferenceName]plumbing.Hash)
	err = all.ForEach(func(r *plumbing.Reference) error {
		if r.Type() == plumbing.HashReference {
			refs[r.Name()] = r.Hash()
		}
		return nil
	})
	return refs, err
}

// update compares all old values first: under the lock nobody else changes them.
func (g *goGit) update(ctx context.Context, v view, changes []Change) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, err := g.references(ctx, v)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if now[c.Name] != c.Old {
			return ErrStale
		}
	}
	s := storageAt(v.repository)
	defer layers{s}.close()
	for _, c := range changes {
		if err := setReference(s, c); err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return nil
}

func setReference(s storer.ReferenceStorer, c Change) error {
	if c.New.IsZero() {
		return s.RemoveReference(c.Name)
	}
	var old *plumbing.Reference
	if !c.Old.IsZero() {
		old = plumbing.NewHashReference(c.Name, c.Old)
	}
	return s.CheckAndSetReference(plumbing.NewHashReference(c.Name, c.New), old)
}

// housekeep does nothing: go-git can repack, but not while others read.
func (g *goGit) housekeep(context.Context, view) error { return nil }
