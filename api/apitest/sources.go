package apitest

import (
	"context"
	"fmt"

	"csph/deploy"
	"csph/platform"
)

// Commit is what every branch of every repository of a Server is at.
const Commit = "a10867b14bb761a232cd80139fbd4c0d33264240"

// Probe implements api.Remotes: a repository is opened by the credential "right", and by none.
func (s *Server) Probe(_ context.Context, r platform.Repository, secret []byte) (string, error) {
	if len(secret) > 0 && string(secret) != "right" {
		return "", &platform.Failure{Reason: platform.BuildFailed, Message: "the repository " + r.URL + " asks for a credential, or for a better one", Hint: "check it."}
	}
	return Commit, nil
}

// CheckRepository implements api.Remotes: nobody keeps repositories at sourceforge.
func (s *Server) CheckRepository(r platform.Repository) error {
	if r.Provider == "sourceforge" {
		return fmt.Errorf("%w: repositories of %q are not understood", platform.ErrInvalid, r.Provider)
	}
	return nil
}

// Source implements api.Remotes.
func (s *Server) Source(ctx context.Context, service, url, branch string) (deploy.Source, error) {
	if url == "" {
		r, err := s.DB.Repository(ctx, service)
		if err != nil {
			return nil, err
		}
		if url = r.URL; branch == "" {
			branch = r.Branch
		}
	}
	return elsewhere{url, branch, s.Dir}, nil
}

// elsewhere is a source that is not fetched: any folder stands for its files.
type elsewhere struct{ url, branch, dir string }

func (e elsewhere) Describe() platform.Source {
	return platform.Source{Kind: platform.FromGit, Revision: Commit, Branch: e.branch, Subject: e.url}
}

func (e elsewhere) Checkout(context.Context) (string, error) { return e.dir, nil }

// Check implements api.Hooks.
func (s *Server) Check(w platform.Webhook) error {
	if w.Provider != "github" {
		return fmt.Errorf("%w: webhooks of %q are not understood", platform.ErrInvalid, w.Provider)
	}
	return nil
}

// Setup implements api.Hooks.
func (s *Server) Setup(w platform.Webhook, secret string) (string, []string) {
	return "https://hooks.example.com/" + w.ID, []string{"Secret: " + secret}
}
