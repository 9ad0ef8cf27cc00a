package gitd

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"

	"csph/gitd/bare"
	"csph/gitd/remote"
	"csph/gitd/watch"
)

// Touches reports whether a commit of a repository elsewhere differs from the commit since, which was deployed, in files that are
// watched. The commit is fetched for that, and need not be once more to be deployed. Where since is not here any more,
// it is said to differ.
func (s *Server) Touches(ctx context.Context, service string, from remote.Repository, c Commit, since string, watched watch.Paths) (touches bool, err error) {
	if watched.All() || since == "" {
		return true, nil
	}
	fetched := &clone{server: s, service: service, from: from, commit: c}
	err = fetched.obtain(ctx, func(ctx context.Context, q *bare.Quarantine, commit plumbing.Hash) error {
		touches, err = differ(ctx, q, plumbing.NewHash(since), commit, watched)
		return err
	})
	return touches, err
}

func differ(ctx context.Context, q *bare.Quarantine, before, after plumbing.Hash, watched watch.Paths) (bool, error) {
	there, err := q.Kinds(ctx, []plumbing.Hash{before})
	if err != nil || there[before] != plumbing.CommitObject {
		return true, err
	}
	old, err := q.Files(ctx, before, watched.Watches)
	if err != nil {
		return false, err
	}
	now, err := q.Files(ctx, after, watched.Watches)
	return now != old, err
}
