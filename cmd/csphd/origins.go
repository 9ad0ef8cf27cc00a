package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"csph/deploy"
	"csph/gitd"
	"csph/gitd/forge"
	"csph/gitd/remote"
	"csph/gitd/watch"
	"csph/platform"
	"csph/store"
)

// origins reaches the repositories elsewhere that services are connected to.
type origins struct {
	db  *store.DB
	git *gitd.Server
}

// trusted are the machine's certificate authorities and those in a file; nil when there is no file.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the machine's certificate authorities: %w", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("remote.ca: %w", err)
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("remote.ca: %s has no certificate in PEM", file)
	}
	return roots, nil
}

// opened is a repository with what opens it.
func opened(r platform.Repository, secret []byte) remote.Repository {
	from := remote.Repository{URL: r.URL, LFS: r.LFS}
	switch r.Credential {
	case platform.ByToken:
		from.Credential = remote.Credential{User: r.User, Token: string(secret)}
	case platform.ByDeployKey:
		from.Credential = remote.Credential{Key: secret}
	}
	return from
}

// connected is the repository of a service, with what opens it.
func (o origins) connected(ctx context.Context, service string) (platform.Repository, remote.Repository, error) {
	r, err := o.db.Repository(ctx, service)
	if errors.Is(err, platform.ErrNotFound) {
		return r, remote.Repository{}, fmt.Errorf("%w: the service is connected to no repository; csph services connect-repo connects one", platform.ErrNotFound)
	}
	if err != nil {
		return r, remote.Repository{}, err
	}
	secret, err := o.db.RepositorySecret(ctx, service)
	if err != nil {
		return r, remote.Repository{}, err
	}
	return r, opened(r, secret), nil
}

// branchRef is the full name of a branch; "" stays, for the default one.
func branchRef(branch string) string {
	if branch == "" {
		return ""
	}
	return "refs/heads/" + branch
}

// CheckRepository implements api.Remotes.
func (o origins) CheckRepository(r platform.Repository) error {
	if _, err := remote.ParseURL(r.URL); err != nil {
		return err
	}
	if _, err := watch.Parse(r.Watch); err != nil {
		return err
	}
	if r.Provider != "" && len(forge.Kinds(forge.Provider(r.Provider))) == 0 {
		return fmt.Errorf("%w: csph cannot report to %q; choose github, gitlab, bitbucket, bitbucket-server, azure or gitea", platform.ErrInvalid, r.Provider)
	}
	return nil
}

// Probe implements api.Remotes.
func (o origins) Probe(ctx context.Context, r platform.Repository, secret []byte) (string, error) {
	c, err := o.git.Resolve(ctx, opened(r, secret), branchRef(r.Branch))
	return c.ID, err
}

// Source implements api.Remotes. A repository that is not the connected one is opened without its credential.
func (o origins) Source(ctx context.Context, service, url, branch string) (deploy.Source, error) {
	from := remote.Repository{URL: url}
	r, known, err := o.connected(ctx, service)
	switch {
	case err == nil && (url == "" || url == r.URL):
		from = known
		if branch == "" {
			branch = r.Branch
		}
	case err != nil && (url == "" || !errors.Is(err, platform.ErrNotFound)):
		return nil, err
	}
	c, err := o.git.Resolve(ctx, from, branchRef(branch))
	if err != nil {
		return nil, err
	}
	return o.git.Clone(service, from, c), nil
}

// touches reports whether a commit differs from what is live in files that the service watches, by its connection and by
// patterns beside it. A tag is deployed whatever it changes.
func (o origins) touches(ctx context.Context, service string, c gitd.Commit, patterns []string) (bool, error) {
	r, from, err := o.connected(ctx, service)
	if err != nil {
		return false, err
	}
	watched, err := watch.Parse(append(slices.Clone(r.Watch), patterns...))
	if err != nil || watched.All() || strings.HasPrefix(c.Ref, "refs/tags/") {
		return true, err
	}
	svc, err := o.db.Service(ctx, service)
	if err != nil || svc.Live == "" {
		return true, err
	}
	live, err := o.db.Deployment(ctx, svc.Live)
	if err != nil {
		return false, err
	}
	return o.git.Touches(ctx, service, from, c, live.Source.Revision, watched)
}

// commit is the source of one commit of the connected repository. Of an annotated tag some providers name the tag's own
// object: the repository says which commit it is on.
func (o origins) commit(ctx context.Context, service string, c gitd.Commit) (deploy.Source, error) {
	_, from, err := o.connected(ctx, service)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(c.Ref, "refs/tags/") {
		tagged, err := o.git.Resolve(ctx, from, c.Ref)
		if err != nil {
			return nil, err
		}
		c.ID = tagged.ID
	}
	return o.git.Clone(service, from, c), nil
}
