package store

import (
	"context"
	"fmt"

	"csph/platform"
)

const (
	accountColumns = "SELECT id, name, created FROM accounts "
	projectColumns = "SELECT id, account, name, created FROM projects "
)

func scanAccount(r row) (a platform.Account, err error) {
	err = r.Scan(&a.ID, &a.Name, instant{&a.Created})
	return a, err
}

func scanProject(r row) (p platform.Project, err error) {
	err = r.Scan(&p.ID, &p.Account, &p.Name, instant{&p.Created})
	return p, err
}

// Account returns the account with this id.
func (db *DB) Account(ctx context.Context, id string) (platform.Account, error) {
	a, err := one(ctx, db.reader, scanAccount, "account", id, accountColumns+"WHERE id = $1", id)
	return a, db.explain(err)
}

// Accounts lists all accounts, oldest first.
func (db *DB) Accounts(ctx context.Context) ([]platform.Account, error) {
	all, err := list(ctx, db.reader, scanAccount, accountColumns+"ORDER BY id")
	return all, db.explain(err)
}

// Project returns the project with this id.
func (db *DB) Project(ctx context.Context, id string) (platform.Project, error) {
	p, err := one(ctx, db.reader, scanProject, "project", id, projectColumns+"WHERE id = $1", id)
	return p, db.explain(err)
}

// Projects lists an account's projects by name.
func (db *DB) Projects(ctx context.Context, account string) ([]platform.Project, error) {
	all, err := list(ctx, db.reader, scanProject, projectColumns+"WHERE account = $1 ORDER BY name", account)
	return all, db.explain(err)
}

// CreateProject makes a project with the environment production in it. The name must be free in the
// account (ErrConflict) and a DNS label (ErrInvalid).
func (db *DB) CreateProject(ctx context.Context, account, name string) (platform.Project, error) {
	var made platform.Project
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := one(ctx, tx, scanAccount, "account", account, accountColumns+"WHERE id = $1", account); err != nil {
			return err
		}
		var err error
		if made, err = db.insertProject(ctx, tx, account, name); err != nil {
			return err
		}
		_, err = db.insertEnvironment(ctx, tx, made.ID, DefaultEnvironment)
		return err
	})
	return made, err
}

func (db *DB) insertAccount(ctx context.Context, tx querier, name string) (platform.Account, error) {
	id, err := db.ids.next(platform.AccountPrefix)
	if err != nil {
		return platform.Account{}, err
	}
	a := platform.Account{ID: id, Name: name, Created: now()}
	_, err = tx.ExecContext(ctx, "INSERT INTO accounts (id, name, created) VALUES ($1, $2, $3)", a.ID, a.Name, instant{&a.Created})
	if err != nil {
		return platform.Account{}, fmt.Errorf("insert account %s: %w", name, err)
	}
	return a, nil
}

func (db *DB) insertProject(ctx context.Context, tx querier, account, name string) (platform.Project, error) {
	if err := checkName("project", name); err != nil {
		return platform.Project{}, err
	}
	id, err := db.ids.next(platform.ProjectPrefix)
	if err != nil {
		return platform.Project{}, err
	}
	p := platform.Project{ID: id, Account: account, Name: name, Created: now()}
	_, err = tx.ExecContext(ctx, "INSERT INTO projects (id, account, name, created) VALUES ($1, $2, $3, $4)",
		p.ID, p.Account, p.Name, instant{&p.Created})
	if taken(err) {
		return platform.Project{}, fmt.Errorf("%w: there is a project %s already", platform.ErrConflict, name)
	}
	if err != nil {
		return platform.Project{}, fmt.Errorf("insert project %s: %w", name, err)
	}
	return p, nil
}
