package gitd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/go-git/go-git/v5/plumbing"

	"csph/gitd/bare"
	"csph/gitd/remote"
	"csph/platform"
)

// Bounds of the submodules of one commit, those of submodules included.
const (
	mostModules    = 50
	deepestModules = 4
)

// module is a submodule on its way into a checkout.
type module struct {
	bare.Submodule
	parent remote.Repository // whose commit names it
	at     string            // where its files go, from the root of the checkout
	depth  int
}

// addModules fetches the submodules of a commit, and those of submodules, and puts their files into the checkout. Each is
// reached, judged and bounded as the repository itself; all together have its limits of size and time.
func (c *clone) addModules(ctx context.Context, q *bare.Quarantine, commit plumbing.Hash) error {
	pending, err := modulesOf(ctx, q, commit, module{parent: c.from})
	for n := 0; err == nil && len(pending) > 0; n++ {
		if n == mostModules {
			err = &bare.TreeError{Err: fmt.Errorf("it has more than %d submodules", mostModules)}
			break
		}
		var below []module
		if below, err = c.addModule(ctx, pending[0]); err != nil {
			err = fmt.Errorf("submodule %s: %w", pending[0].at, err)
		}
		pending = append(pending[1:], below...)
	}
	if err != nil {
		return c.explainModule(err)
	}
	return nil
}

// modulesOf lists the submodules of a commit, which is that of m itself; its parent is what they are relative to.
func modulesOf(ctx context.Context, q *bare.Quarantine, commit plumbing.Hash, m module) ([]module, error) {
	found, err := q.Submodules(ctx, commit)
	var all []module
	for _, s := range found {
		all = append(all, module{Submodule: s, parent: m.parent, at: path.Join(m.at, s.Path), depth: m.depth + 1})
	}
	return all, err
}

// addModule puts the files of one submodule into the checkout, and returns its own submodules.
func (c *clone) addModule(ctx context.Context, m module) (below []module, err error) {
	if m.URL == "" {
		return nil, &bare.TreeError{Path: m.at, Err: errors.New("the submodule is not named in .gitmodules")}
	}
	if m.depth > deepestModules {
		return nil, &bare.TreeError{Path: m.at, Err: fmt.Errorf("submodules are nested deeper than %d", deepestModules)}
	}
	from, err := m.parent.Submodule(m.URL)
	if err != nil {
		return nil, err
	}
	q, err := c.repository.Quarantine()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if err := c.fetchModule(ctx, q, from, m); err != nil {
		return nil, err
	}
	dir, err := q.Module(ctx, c.service, moduleName(m.at), m.Commit)
	if err == nil {
		err = q.Embed(c.service, m.at, dir)
	}
	if err == nil {
		err = c.addObjects(ctx, q, from, m.Commit, m.at)
	}
	if err != nil {
		return nil, err
	}
	return modulesOf(ctx, q, m.Commit, module{parent: from, at: m.at, depth: m.depth})
}

// moduleName names a submodule by where it is, for references and folders.
func moduleName(at string) string {
	sum := sha256.Sum256([]byte(at))
	return hex.EncodeToString(sum[:8])
}

// fetchModule brings the submodule's commit into the repository, unless it is there.
func (c *clone) fetchModule(ctx context.Context, q *bare.Quarantine, from remote.Repository, m module) error {
	references, err := c.repository.References(ctx)
	if err != nil {
		return err
	}
	name := plumbing.ReferenceName("refs/fetched/modules/" + moduleName(m.at))
	var have remote.Have
	if id, ok := references[name]; ok {
		have.Commits = []plumbing.Hash{id}
		if have.Shallow, err = c.repository.Shallow(); err != nil {
			return err
		}
	}
	pack, err := c.server.remote.FetchExactly(ctx, from, m.Commit, have, io.Discard)
	if err != nil {
		return err
	}
	if pack == nil {
		return c.judge(ctx, q, m.Commit)
	}
	return c.take(ctx, c.repository, q, pack, bare.Change{Name: name, Old: references[name], New: pack.Commit})
}

// explainModule is explain for what went wrong with a submodule: that is said first.
func (c *clone) explainModule(err error) error {
	explained := c.explain(err)
	var known *platform.Failure
	if !errors.As(explained, &known) {
		return explained
	}
	told := *known
	if errors.As(err, new(*platform.Failure)) { // of the remote; the name of the submodule is around it
		told.Message = err.Error()
	}
	return &told
}
