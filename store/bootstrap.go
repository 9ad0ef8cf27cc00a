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
	DefaultProject = platform.DefaultProject
	// DefaultEnvironment is the environment that names mean when they give none (SPEC section 1).
	DefaultEnvironment = platform.DefaultEnvironment
	// AdminToken is the name of the token that the first start makes.
	AdminToken = "admin"
	// AdminMember is the name of an account's first member.
	AdminMember = "admin"
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
	token, err := newSecret(TokenPrefix)
	if err != nil {
		return false, err
	}
	if err := keep(token); err != nil {
		return false, fmt.Errorf("keep admin token: %w", err)
	}
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		_, err := db.found(ctx, tx, platform.Account{Name: DefaultAccount, Operator: true}, token)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("write the first records: %w", err)
	}
	return true, nil
}
