package gitd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"csph/deploy"
	"csph/gitd/bare"
	"csph/gitd/remote"
	"csph/platform"
)

// Commit is a commit of a repository elsewhere.
type Commit struct {
	Ref     string // full name: refs/heads/main
	ID      string // 40 hex digits
	Subject string // first line of its message, "" when it is not known yet
}

// fetchTime bounds the fetch of a commit.
const fetchTime = 15 * time.Minute

// Clone is the source of a deployment that is fetched from a repository elsewhere when it is built. The commit
// comes without its history, into the service's own repository, and is judged as if it had been pushed.
func (s *Server) Clone(service string, from remote.Repository, c Commit) deploy.Source {
	return &clone{server: s, service: service, from: from, commit: c, objects: map[string]bool{}}
}

type clone struct {
	server  *Server
	service string
	from    remote.Repository
	commit  Commit

	repository *bare.Repository // from obtain on
	size       int64            // bytes of all files, submodules included
	notes      []string
	objects    map[string]bool // of Git LFS, that the checkout has
}

// Describe implements deploy.Source.
func (c *clone) Describe() platform.Source {
	branch := strings.TrimPrefix(c.commit.Ref, "refs/heads/")
	return platform.Source{Kind: platform.FromGit, Revision: c.commit.ID, Branch: branch, Subject: c.commit.Subject, Repository: c.from.URL}
}

// Checkout implements deploy.Source.
func (c *clone) Checkout(ctx context.Context) (dir string, err error) {
	err = c.obtain(ctx, func(ctx context.Context, q *bare.Quarantine, commit plumbing.Hash) error {
		if dir, err = q.Checkout(ctx, c.service, commit); err != nil {
			return err
		}
		if err := c.addObjects(ctx, q, c.from, commit, ""); err != nil {
			return c.explain(err)
		}
		return errors.Join(c.addModules(ctx, q, commit), c.dropObjects(q))
	})
	return dir, err
}

// obtain calls use with the commit once it has been fetched and judged, and returns what that returns.
func (c *clone) obtain(ctx context.Context, use func(context.Context, *bare.Quarantine, plumbing.Hash) error) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, fetchTime, errTooSlow)
	defer cancel()
	repository, err := c.server.store.Create(c.service)
	if err != nil {
		return err
	}
	c.repository = repository
	quarantine, err := repository.Quarantine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, quarantine.Close()) }()
	commit, err := c.fetch(ctx, repository, quarantine)
	if err != nil {
		return c.explain(err)
	}
	return use(ctx, quarantine, commit)
}

// fetch brings the commit into the repository, unless it is there.
func (c *clone) fetch(ctx context.Context, r *bare.Repository, q *bare.Quarantine) (plumbing.Hash, error) {
	references, err := r.References(ctx)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	have, err := c.have(r, references)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	wanted := plumbing.NewHash(c.commit.ID)
	pack, err := c.server.remote.Fetch(ctx, c.from, c.commit.Ref, wanted, have, io.Discard)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if pack == nil {
		return wanted, c.judge(ctx, q, wanted)
	}
	if pack.Commit != wanted {
		c.notes = append(c.notes, fmt.Sprintf("warning: the repository's host gives no commit but the newest of %s, which is %s by now: that is deployed, not %s", c.commit.Ref, pack.Commit, wanted))
	}
	return pack.Commit, c.take(ctx, r, q, pack, bare.Change{Name: c.kept(), Old: references[c.kept()], New: pack.Commit})
}

// take indexes a pack, judges its commit and keeps it.
func (c *clone) take(ctx context.Context, r *bare.Repository, q *bare.Quarantine, pack *remote.Pack, kept bare.Change) error {
	if err := q.Index(ctx, pack, pack.Shallow, io.Discard); err != nil {
		return err
	}
	if err := c.judge(ctx, q, pack.Commit); err != nil {
		return err
	}
	if err := q.Migrate(); err != nil {
		return err
	}
	return r.Update(ctx, []bare.Change{kept})
}

// kept is where the service's repository keeps what was fetched last, so that the next fetch brings the difference.
func (c *clone) kept() plumbing.ReferenceName {
	return plumbing.ReferenceName("refs/fetched/" + strings.TrimPrefix(c.commit.Ref, "refs/"))
}

func (c *clone) have(r *bare.Repository, references map[plumbing.ReferenceName]plumbing.Hash) (remote.Have, error) {
	id, ok := references[c.kept()]
	if !ok {
		return remote.Have{}, nil
	}
	shallow, err := r.Shallow()
	return remote.Have{Commits: []plumbing.Hash{id}, Shallow: shallow}, err
}

// judge refuses a commit that could not be pushed either.
func (c *clone) judge(ctx context.Context, q *bare.Quarantine, commit plumbing.Hash) error {
	if err := q.Connected(ctx, []plumbing.Hash{commit}); err != nil {
		return err
	}
	seen, err := q.Inspect(ctx, commit)
	if err != nil {
		return err
	}
	if len(seen.LFS) > 0 && !c.from.LFS {
		c.notes = append(c.notes, "warning: Git LFS content is not fetched, these are deployed as pointer files: "+strings.Join(seen.LFS, ", ")+" (csph services connect-repo --lfs fetches it)")
	}
	limit := c.server.config.Limits.WithDefaults().Checkout
	if c.size += seen.Size; c.size > limit {
		return &bare.TreeError{Err: fmt.Errorf("the files of the commit and its submodules are larger than %d MB together", limit>>20)}
	}
	return nil
}

// Notes says what is worth knowing of the files that Checkout has made available.
func (c *clone) Notes() []string { return c.notes }

// explain turns what went wrong into what the user is told.
func (c *clone) explain(err error) error {
	var (
		known *platform.Failure
		tree  *bare.TreeError
	)
	failed := func(hint, format string, arguments ...any) error {
		return &platform.Failure{Reason: platform.BuildFailed, Message: fmt.Sprintf(format, arguments...), Hint: hint, Err: err}
	}
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &tree):
		return failed("Change it in the repository and deploy again.", "this commit cannot be deployed: %v", tree)
	case errors.Is(err, bare.ErrTooLarge):
		return failed("Is something in it that should not be in git?", "the commit is larger than the %d MB that are allowed", c.server.config.Limits.WithDefaults().Pack>>20)
	case errors.Is(err, errTooSlow):
		return failed("Deploy again; csph deployments redeploy does.", "the repository did not arrive within %s", fetchTime)
	case errors.Is(err, bare.ErrCorrupt), errors.Is(err, bare.ErrDisconnected), errors.Is(err, bare.ErrDiskFull):
		return failed("Deploy again; csph deployments redeploy does.", "the repository %s could not be fetched: %v", c.from.URL, err)
	}
	return fmt.Errorf("fetch %s: %w", c.from.URL, err)
}
