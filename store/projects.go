package store

import (
	"context"
	"fmt"
	"strings"

	"csph/platform"
)

const projectColumns = "SELECT id, account, name, created FROM projects "

func scanProject(r row) (p platform.Project, err error) {
	err = r.Scan(&p.ID, &p.Account, &p.Name, instant{&p.Created})
	return p, err
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

// ResolveProject returns the account's project that ref means: an id, the start of only one id, or a name.
func (db *DB) ResolveProject(ctx context.Context, account, ref string) (platform.Project, error) {
	if strings.HasPrefix(ref, platform.ProjectPrefix+"_") {
		found, err := list(ctx, db.reader, scanProject, projectColumns+"WHERE account = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT 2", account, ref, ref+"~")
		return only(found, "project", ref, db.explain(err))
	}
	p, err := one(ctx, db.reader, scanProject, "project", ref, projectColumns+"WHERE account = $1 AND name = $2", account, ref)
	return p, db.explain(err)
}

// DeleteProject forgets a project and its environments. ErrConflict while it has services or volumes.
func (db *DB) DeleteProject(ctx context.Context, id string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		if err := empty(ctx, tx, "project", "e.project", id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM environments WHERE project = $1", id); err != nil {
			return fmt.Errorf("delete environments of project %s: %w", id, err)
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM projects WHERE id = $1", id)
		if err != nil {
			return fmt.Errorf("delete project %s: %w", id, err)
		}
		return affected(res, "project", id)
	})
}

// empty refuses, naming some, when there are services or volumes where column is id.
func empty(ctx context.Context, q querier, noun, column, id string) error {
	names, err := list(ctx, q, scanText, `SELECT e.name || '/' || s.name FROM services s JOIN environments e ON e.id = s.environment
		WHERE `+column+` = $1 ORDER BY 1 LIMIT 4`, id)
	if err != nil {
		return fmt.Errorf("read services of %s %s: %w", noun, id, err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: the %s has services (%s); delete them first, or the %s with --force", platform.ErrConflict, noun, strings.Join(names, ", "), noun)
	}
	names, err = list(ctx, q, scanText, `SELECT e.name || '/' || v.name FROM volumes v JOIN environments e ON e.id = v.environment
		WHERE `+column+` = $1 ORDER BY 1 LIMIT 4`, id)
	if err != nil {
		return fmt.Errorf("read volumes of %s %s: %w", noun, id, err)
	}
	if len(names) > 0 { // data never goes along with something else
		return fmt.Errorf("%w: the %s has volumes (%s); delete them first: csph volumes delete NAME --yes", platform.ErrConflict, noun, strings.Join(names, ", "))
	}
	return nil
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
