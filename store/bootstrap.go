package store

import (
	"context"
	"fmt"

	"csph/platform"
)

const (
	// DefaultAccount is the account that the first start makes.
	DefaultAccount = "default"
	// DefaultProject is the project that names mean when they give none (SPEC section 1).
	DefaultProject = "default"
	// DefaultEnvironment is the environment that names mean when they give none (SPEC section 1).
	DefaultEnvironment = "production"
	// AdminToken is the name of the token that the first start makes.
	AdminToken = "admin"
)

// Bootstrap makes, on the first start only, the default account, project and environment and an admin
// token. keep is called with the token before any of it is written, and must have put it in a durable
// place when it returns nil; a process killed in between starts over with another token, which keep
// then puts in the place of the first. created is false when there is nothing left to make.
func (db *DB) Bootstrap(ctx context.Context, keep func(token string) error) (created bool, err error) {
	accounts, err := db.Accounts(ctx)
	if err != nil || len(accounts) > 0 {
		return false, err
	}
	token, err := newToken()
	if err != nil {
		return false, err
	}
	if err := keep(token); err != nil {
		return false, fmt.Errorf("keep admin token: %w", err)
	}
	if err := db.write(ctx, func(ctx context.Context, tx querier) error { return db.bootstrap(ctx, tx, token) }); err != nil {
		return false, fmt.Errorf("write the first records: %w", err)
	}
	return true, nil
}

func (db *DB) bootstrap(ctx context.Context, tx querier, token string) error {
	account, err := db.insertAccount(ctx, tx, DefaultAccount)
	if err != nil {
		return err
	}
	project, err := db.insertProject(ctx, tx, account.ID, DefaultProject)
	if err != nil {
		return err
	}
	if _, err := db.insertEnvironment(ctx, tx, project.ID, DefaultEnvironment); err != nil {
		return err
	}
	_, err = db.insertToken(ctx, tx, platform.Token{Account: account.ID, Name: AdminToken}, token)
	return err
}
