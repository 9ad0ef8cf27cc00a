package store

import (
	"context"
	"fmt"
	"strings"

	"csph/platform"
)

const environmentColumns = "SELECT id, project, name, env, created FROM environments "

func scanEnvironment(r row) (e platform.Environment, err error) {
	err = r.Scan(&e.ID, &e.Project, &e.Name, document{&e.Env}, instant{&e.Created})
	return e, err
}

// Environment returns the environment with this id, its variables included.
func (db *DB) Environment(ctx context.Context, id string) (platform.Environment, error) {
	e, err := db.environment(ctx, db.reader, id)
	return e, db.explain(err)
}

func (db *DB) environment(ctx context.Context, q querier, id string) (platform.Environment, error) {
	return one(ctx, q, scanEnvironment, "environment", id, environmentColumns+"WHERE id = $1", id)
}

// Environments lists a project's environments by name.
func (db *DB) Environments(ctx context.Context, project string) ([]platform.Environment, error) {
	all, err := list(ctx, db.reader, scanEnvironment, environmentColumns+"WHERE project = $1 ORDER BY name", project)
	return all, db.explain(err)
}

// CreateEnvironment makes an environment. The name must be free in the project (ErrConflict) and a DNS
// label (ErrInvalid).
func (db *DB) CreateEnvironment(ctx context.Context, project, name string) (platform.Environment, error) {
	var made platform.Environment
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := one(ctx, tx, scanProject, "project", project, projectColumns+"WHERE id = $1", project); err != nil {
			return err
		}
		var err error
		made, err = db.insertEnvironment(ctx, tx, project, name)
		return err
	})
	return made, err
}

// ResolveEnvironment returns the account's environment that ref means: an id, the start of only one id, a
// name within DefaultProject, or project/name.
func (db *DB) ResolveEnvironment(ctx context.Context, account, ref string) (platform.Environment, error) {
	const within = "WHERE project IN (SELECT id FROM projects WHERE account = $1"
	if strings.HasPrefix(ref, platform.EnvironmentPrefix+"_") {
		found, err := list(ctx, db.reader, scanEnvironment, environmentColumns+within+") AND id >= $2 AND id < $3 ORDER BY id LIMIT 2", account, ref, ref+"~")
		return only(found, "environment", ref, db.explain(err))
	}
	project, name, ok := strings.Cut(ref, "/")
	if !ok {
		project, name = DefaultProject, ref
	}
	e, err := one(ctx, db.reader, scanEnvironment, "environment", project+"/"+name, environmentColumns+within+" AND name = $2) AND name = $3", account, project, name)
	return e, db.explain(err)
}

// DeleteEnvironment forgets an environment. ErrConflict while it has services or volumes.
func (db *DB) DeleteEnvironment(ctx context.Context, id string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		if err := empty(ctx, tx, "environment", "e.id", id); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM environments WHERE id = $1", id)
		if err != nil {
			return fmt.Errorf("delete environment %s: %w", id, err)
		}
		return affected(res, "environment", id)
	})
}

// UpdateEnvironment changes an environment's variables, and nothing else of it, under the records' lock.
// change may return an error to leave it as it is; it must not call the store.
func (db *DB) UpdateEnvironment(ctx context.Context, id string, change func(*platform.Environment) error) (platform.Environment, error) {
	var after platform.Environment
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		e, err := db.environment(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := change(&e); err != nil {
			return err
		}
		if err := checkEnv(e.Env); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE environments SET env = $1 WHERE id = $2", document{e.Env}, id); err != nil {
			return fmt.Errorf("update environment %s: %w", id, err)
		}
		after, err = db.environment(ctx, tx, id)
		return err
	})
	return after, err
}

func (db *DB) insertEnvironment(ctx context.Context, tx querier, project, name string) (platform.Environment, error) {
	if err := checkName("environment", name); err != nil {
		return platform.Environment{}, err
	}
	id, err := db.ids.next(platform.EnvironmentPrefix)
	if err != nil {
		return platform.Environment{}, err
	}
	e := platform.Environment{ID: id, Project: project, Name: name, Created: now()}
	_, err = tx.ExecContext(ctx, "INSERT INTO environments (id, project, name, env, created) VALUES ($1, $2, $3, $4, $5)",
		e.ID, e.Project, e.Name, document{e.Env}, instant{&e.Created})
	if taken(err) {
		return platform.Environment{}, fmt.Errorf("%w: the project has an environment %s already", platform.ErrConflict, name)
	}
	if err != nil {
		return platform.Environment{}, fmt.Errorf("insert environment %s: %w", name, err)
	}
	return e, nil
}
