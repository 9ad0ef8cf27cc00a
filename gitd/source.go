package gitd

import (
	"context"

	"csph/platform"
)

// source is the pushed commit, as deploy sees it.
type source struct{ push *push }

// Describe implements deploy.Source.
func (s *source) Describe() platform.Source {
	return platform.Source{
		Kind:     platform.FromGit,
		Revision: s.push.commit.ID.String(),
		Branch:   s.push.deploy.Name.Short(),
		Subject:  s.push.commit.Subject,
	}
}

// Checkout implements deploy.Source: the files come from the quarantine, before any reference has moved.
func (s *source) Checkout(ctx context.Context) (string, error) {
	return s.push.quarantine.Checkout(ctx, s.push.service.ID, s.push.commit.ID)
}
