package store

import (
	"context"
	"fmt"

	"csph/platform"
)

const accountColumns = "SELECT id, name, operator, quota, created FROM accounts "

func scanAccount(r row) (a platform.Account, err error) {
	err = r.Scan(&a.ID, &a.Name, &a.Operator, document{&a.Quota}, instant{&a.Created})
	return a, err
}

// Account returns the account with this id.
func (db *DB) Account(ctx context.Context, id string) (platform.Account, error) {
	a, err := one(ctx, db.reader, scanAccount, "account", id, accountColumns+"WHERE id = $1", id)
	return a, db.explain(err)
}

// FindAccount returns the account that ref means: an id or a name.
func (db *DB) FindAccount(ctx context.Context, ref string) (platform.Account, error) {
	a, err := one(ctx, db.reader, scanAccount, "account", ref, accountColumns+"WHERE id = $1 OR name = $1", ref)
	return a, db.explain(err)
}

// Accounts lists all accounts, oldest first.
func (db *DB) Accounts(ctx context.Context) ([]platform.Account, error) {
	all, err := list(ctx, db.reader, scanAccount, accountColumns+"ORDER BY id")
	return all, db.explain(err)
}

// Founded is a new account and the token of its first admin, which is shown here and never again.
type Founded struct {
	Account platform.Account
	Token   string
}

// CreateAccount makes an account with the first project and environment, one admin and a token for it.
// The name must be free (ErrConflict) and a DNS label (ErrInvalid).
func (db *DB) CreateAccount(ctx context.Context, name string, q platform.Quota) (Founded, error) {
	if err := checkName("account", name); err != nil {
		return Founded{}, err
	}
	token, err := newSecret(TokenPrefix)
	if err != nil {
		return Founded{}, err
	}
	made := Founded{Token: token}
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		made.Account, err = db.found(ctx, tx, platform.Account{Name: name, Quota: q}, token)
		return err
	})
	if err != nil {
		return Founded{}, err
	}
	return made, nil
}

// found makes an account and what a newcomer needs in it.
func (db *DB) found(ctx context.Context, tx querier, draft platform.Account, token string) (platform.Account, error) {
	account, err := db.insertAccount(ctx, tx, draft)
	if err != nil {
		return account, err
	}
	project, err := db.insertProject(ctx, tx, account.ID, DefaultProject)
	if err != nil {
		return account, err
	}
	if _, err := db.insertEnvironment(ctx, tx, project.ID, DefaultEnvironment); err != nil {
		return account, err
	}
	admin, err := db.insertMember(ctx, tx, platform.Member{Account: account.ID, Name: AdminMember, Role: platform.RoleAdmin})
	if err != nil {
		return account, err
	}
	_, err = db.insertToken(ctx, tx, platform.Token{Member: admin.ID, Name: AdminToken}, token)
	return account, err
}

// SetQuota replaces the quota of the account that ref means: an id or a name. check, where it is not nil, is asked under the
// records' lock, and may return an error to leave it as it is.
func (db *DB) SetQuota(ctx context.Context, ref string, q platform.Quota, check func(platform.Account) error) (platform.Account, error) {
	var after platform.Account
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		a, err := one(ctx, tx, scanAccount, "account", ref, accountColumns+"WHERE id = $1 OR name = $1", ref)
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(a); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "UPDATE accounts SET quota = $1 WHERE id = $2", document{q}, a.ID); err != nil {
			return fmt.Errorf("update account %s: %w", ref, err)
		}
		after, after.Quota = a, q
		return nil
	})
	return after, err
}

func (db *DB) insertAccount(ctx context.Context, tx querier, a platform.Account) (platform.Account, error) {
	var err error
	if a.ID, err = db.ids.next(platform.AccountPrefix); err != nil {
		return platform.Account{}, err
	}
	a.Created = now()
	_, err = tx.ExecContext(ctx, "INSERT INTO accounts (id, name, operator, quota, created) VALUES ($1, $2, $3, $4, $5)",
		a.ID, a.Name, a.Operator, document{a.Quota}, instant{&a.Created})
	if taken(err) {
		return platform.Account{}, fmt.Errorf("%w: there is an account %s already", platform.ErrConflict, a.Name)
	}
	if err != nil {
		return platform.Account{}, fmt.Errorf("insert account %s: %w", a.Name, err)
	}
	return a, nil
}
