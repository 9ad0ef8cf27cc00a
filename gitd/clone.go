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
	return &clone{server: s, service: service, from: from, commit: c}
}

type clone struct {
	server  *Server
	service string
	from    remote.Repository
	commit  Commit
}

// Describe implements deploy.Source.
func (c *clone) Describe() platform.Source {
	branch := strings.TrimPrefix(c.commit.Ref, "refs/heads/")
	return platform.Source{Kind: platform.FromGit, Revision: c.commit.ID, Branch: branch, Subject: c.commit.Subject}
}

// Checkout implements deploy.Source.
func (c *clone) Checkout(ctx context.Context) (dir string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, fetchTime, errTooSlow)
	defer cancel()
	repository, err := c.server.store.Create(c.service)
	if err != nil {
		return "", err
	}
	quarantine, err := repository.Quarantine()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, quarantine.Close()) }()
	commit, err := c.fetch(ctx, repository, quarantine)
	if err != nil {
		return "", c.explain(err)
	}
	return quarantine.Checkout(ctx, c.service, commit)
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
	if err := q.Index(ctx, pack, pack.Shallow, io.Discard); err != nil {
		return plumbing.ZeroHash, err
	}
	if err := c.judge(ctx, q, pack.Commit); err != nil {
		return plumbing.ZeroHash, err
	}
	return pack.Commit, c.keep(ctx, r, q, references, pack.Commit)
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
	_, err := q.Inspect(ctx, commit)
	return err
}

func (c *clone) keep(ctx context.Context, r *bare.Repository, q *bare.Quarantine, references map[plumbing.ReferenceName]plumbing.Hash, commit plumbing.Hash) error {
	if err := q.Migrate(); err != nil {
		return err
	}
	return r.Update(ctx, []bare.Change{{Name: c.kept(), Old: references[c.kept()], New: commit}})
}

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
