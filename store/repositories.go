package store

import (
	"context"
	"errors"
	"fmt"

	"csph/platform"
)

const repositoryColumns = "SELECT url, branch, credential, username, poll, polled, provider, watch, lfs, muted, set_by, created FROM repositories WHERE service = $1"

func scanRepository(r row) (p platform.Repository, err error) {
	err = r.Scan(&p.URL, &p.Branch, &p.Credential, &p.User, &p.Poll, &p.Polled, &p.Provider, document{&p.Watch}, &p.LFS, &p.Muted, &p.By, instant{&p.Connected})
	return p, err
}

// ConnectRepository keeps where the source of a service is, with its credential encrypted, in place of what was kept before.
func (db *DB) ConnectRepository(ctx context.Context, service string, r platform.Repository, secret []byte, check func(platform.Repository) error) (platform.Repository, error) {
	sealed, err := db.seal(secret)
	if err != nil {
		return r, fmt.Errorf("keep the credential of %s: %w", r.URL, err)
	}
	r.Connected, r.Polled, r.Muted = now(), "", ""
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := db.service(ctx, tx, service); err != nil {
			return err
		}
		if err := checkRepository(ctx, tx, service, check); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO repositories (service, url, branch, credential, username, sealed, poll, polled, provider, watch, lfs, muted, set_by, created)
			VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, $9, $10, '', $11, $12)
			ON CONFLICT (service) DO UPDATE SET url = excluded.url, branch = excluded.branch, credential = excluded.credential, username = excluded.username,
				sealed = excluded.sealed, poll = excluded.poll, polled = '',
				provider = excluded.provider, watch = excluded.watch, lfs = excluded.lfs, muted = '', set_by = excluded.set_by, created = excluded.created`,
			service, r.URL, r.Branch, r.Credential, r.User, sealed, int64(r.Poll), r.Provider, document{orEmpty(r.Watch)}, r.LFS, r.By, instant{&r.Connected})
		if err != nil {
			return fmt.Errorf("insert repository of service %s: %w", service, err)
		}
		return nil
	})
	return r, err
}

// checkRepository asks check, if there is one, about the repository that a service is connected to; a blank one where it is to none.
func checkRepository(ctx context.Context, tx querier, service string, check func(platform.Repository) error) error {
	if check == nil {
		return nil
	}
	r, err := one(ctx, tx, scanRepository, "repository connected to service", service, repositoryColumns, service)
	if err != nil && !errors.Is(err, platform.ErrNotFound) {
		return err
	}
	return check(r)
}

// orEmpty is a list that is an array in JSON also when it is nil.
func orEmpty(l []string) []string { return append([]string{}, l...) }

// Repository returns where the source of a service is; ErrNotFound when none is connected.
func (db *DB) Repository(ctx context.Context, service string) (platform.Repository, error) {
	r, err := one(ctx, db.reader, scanRepository, "repository connected to service", service, repositoryColumns, service)
	return r, db.explain(err)
}

// RepositorySecret decrypts the credential of a service's repository. It is for fetching from it and for nothing else.
func (db *DB) RepositorySecret(ctx context.Context, service string) ([]byte, error) {
	sealed, err := one(ctx, db.reader, scanBytes, "repository connected to service", service, "SELECT sealed FROM repositories WHERE service = $1", service)
	if err != nil {
		return nil, db.explain(err)
	}
	plain, err := db.unseal(sealed)
	if err != nil {
		return nil, fmt.Errorf("read the credential of service %s: %w", service, err)
	}
	return plain, nil
}

// DisconnectRepository forgets where the source of a service is.
func (db *DB) DisconnectRepository(ctx context.Context, service string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM repositories WHERE service = $1", service)
		if err != nil {
			return fmt.Errorf("delete repository of service %s: %w", service, err)
		}
		return affected(res, "repository connected to service", service)
	})
}

// Polls lists the services whose repositories are asked for new commits.
func (db *DB) Polls(ctx context.Context) (map[string]platform.Repository, error) {
	type poll struct {
		service string
		platform.Repository
	}
	all, err := list(ctx, db.reader, func(r row) (p poll, err error) {
		err = r.Scan(&p.service, &p.URL, &p.Branch, &p.Credential, &p.User, &p.Poll, &p.Polled, document{&p.Watch}, &p.LFS, &p.By, instant{&p.Connected})
		return p, err
	}, "SELECT service, url, branch, credential, username, poll, polled, watch, lfs, set_by, created FROM repositories WHERE poll > 0")
	if err != nil {
		return nil, fmt.Errorf("list polled repositories: %w", db.explain(err))
	}
	polls := make(map[string]platform.Repository, len(all))
	for _, p := range all {
		polls[p.service] = p.Repository
	}
	return polls, nil
}

// Polled notes the commit that polling a service's repository has seen; it is deployed once.
func (db *DB) Polled(ctx context.Context, service, commit string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := tx.ExecContext(ctx, "UPDATE repositories SET polled = $2 WHERE service = $1", service, commit); err != nil {
			return fmt.Errorf("update repository of service %s: %w", service, err)
		}
		return nil
	})
}
