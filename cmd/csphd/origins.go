package main

import (
	"context"
	"errors"
	"fmt"

	"csph/deploy"
	"csph/gitd"
	"csph/gitd/remote"
	"csph/platform"
	"csph/store"
)

// origins reaches the repositories elsewhere that services are connected to.
type origins struct {
	db  *store.DB
	git *gitd.Server
}

// opened is a repository with what opens it.
func opened(r platform.Repository, secret []byte) remote.Repository {
	from := remote.Repository{URL: r.URL}
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

// commit is the source of one commit of the connected repository.
func (o origins) commit(ctx context.Context, service string, c gitd.Commit) (deploy.Source, error) {
	_, from, err := o.connected(ctx, service)
	if err != nil {
		return nil, err
	}
	return o.git.Clone(service, from, c), nil
}
