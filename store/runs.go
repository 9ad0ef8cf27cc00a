package store

import (
	"context"
	"fmt"
	"time"

	"csph/platform"
)

const runColumns = "SELECT id, schedule, service, planned, content FROM runs "

func scanRun(r row) (run platform.Run, err error) {
	var id, schedule, service string
	var planned time.Time
	err = r.Scan(&id, &schedule, &service, instant{&planned}, document{&run})
	run.ID, run.Schedule, run.Service, run.Planned = id, schedule, service, planned
	return run, err
}

// ClaimRuns takes planned times of a schedule on, before anything of them is done: it stores runs, with new ids, and moves the
// schedule's next planned time from t.Next to next, in one transaction. claimed is false, and nothing is stored,
// when somebody else has done so or the schedule is gone.
func (db *DB) ClaimRuns(ctx context.Context, t platform.Timer, next time.Time, runs ...platform.Run) (stored []platform.Run, claimed bool, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "UPDATE schedules SET next = $3 WHERE id = $1 AND next = $2", t.ID, instant{&t.Next}, instant{&next})
		if err != nil {
			return fmt.Errorf("claim a run of schedule %s: %w", t.ID, err)
		}
		n, err := res.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		for _, r := range runs {
			r.Schedule, r.Service = t.ID, t.Service
			if r, err = db.insertRun(ctx, tx, r); err != nil {
				return err
			}
			stored = append(stored, r)
		}
		claimed = true
		return nil
	})
	return stored, claimed && err == nil, err
}

// AddRun stores a run that was not planned, with a new id.
func (db *DB) AddRun(ctx context.Context, r platform.Run) (platform.Run, error) {
	err := db.write(ctx, func(ctx context.Context, tx querier) (err error) {
		r, err = db.insertRun(ctx, tx, r)
		return err
	})
	return r, err
}

func (db *DB) insertRun(ctx context.Context, tx querier, r platform.Run) (_ platform.Run, err error) {
	if r.ID, err = db.ids.next(platform.RunPrefix); err != nil {
		return r, err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO runs (id, schedule, service, planned, content, status) VALUES ($1, $2, $3, $4, $5, $6)",
		r.ID, r.Schedule, r.Service, instant{&r.Planned}, document{r}, r.Status)
	if err != nil {
		return r, fmt.Errorf("insert a run of schedule %s: %w", r.Schedule, err)
	}
	return r, nil
}

// UpdateRun writes down what has become of a run. One whose schedule was deleted meanwhile is none any more.
func (db *DB) UpdateRun(ctx context.Context, r platform.Run) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET content = $2, status = $3 WHERE id = $1", r.ID, document{r}, r.Status); err != nil {
			return fmt.Errorf("update run %s: %w", r.ID, err)
		}
		return nil
	})
}

// OpenRuns lists the runs that are not over, oldest first.
func (db *DB) OpenRuns(ctx context.Context) ([]platform.Run, error) {
	all, err := list(ctx, db.reader, scanRun, runColumns+"WHERE status IN ('waiting', 'running') ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list open runs: %w", db.explain(err))
	}
	return all, nil
}

// Run returns a run by its id.
func (db *DB) Run(ctx context.Context, id string) (platform.Run, error) {
	r, err := one(ctx, db.reader, scanRun, "run", id, runColumns+"WHERE id = $1", id)
	return r, db.explain(err)
}

// Runs lists the newest runs of a service, of one schedule or ("") of all; those before one, unless that is "".
func (db *DB) Runs(ctx context.Context, service, schedule, before string, limit int) ([]platform.Run, error) {
	var where conditions
	where.equal("service", service)
	where.equal("schedule", schedule)
	where.before("id", before)
	all, err := list(ctx, db.reader, scanRun, runColumns+where.sql()+fmt.Sprintf("ORDER BY id DESC LIMIT %d", limit), where.args...)
	if err != nil {
		return nil, fmt.Errorf("list runs of service %s: %w", service, db.explain(err))
	}
	return all, nil
}

// RunIDs lists the ids of all runs of a service.
func (db *DB) RunIDs(ctx context.Context, service string) ([]string, error) {
	all, err := list(ctx, db.reader, scanText, "SELECT id FROM runs WHERE service = $1", service)
	if err != nil {
		return nil, fmt.Errorf("list runs of service %s: %w", service, db.explain(err))
	}
	return all, nil
}

// TrimRuns drops all but the newest keep runs of a schedule, except those that are not over, and returns their ids.
func (db *DB) TrimRuns(ctx context.Context, schedule string, keep int) (dropped []string, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		dropped, err = list(ctx, tx, scanText, `DELETE FROM runs WHERE schedule = $1 AND status NOT IN ('waiting', 'running')
			AND id NOT IN (SELECT id FROM runs WHERE schedule = $1 ORDER BY id DESC LIMIT $2) RETURNING id`, schedule, keep)
		if err != nil {
			return fmt.Errorf("drop old runs of schedule %s: %w", schedule, err)
		}
		return nil
	})
	return dropped, err
}
