package store

import (
	"context"
	"fmt"
	"time"

	"csph/platform"
)

const timerColumns = "SELECT id, service, content, next, created FROM schedules "

func scanTimer(r row) (t platform.Timer, err error) {
	var id, service string
	var next, created time.Time
	err = r.Scan(&id, &service, document{&t}, instant{&next}, instant{&created})
	t.ID, t.Service, t.Next, t.Created = id, service, next, created
	return t, err
}

// CreateTimer stores a schedule of the service that it names, with a new id and time.
func (db *DB) CreateTimer(ctx context.Context, t platform.Timer) (platform.Timer, error) {
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		if _, err := db.service(ctx, tx, t.Service); err != nil {
			return err
		}
		var err error
		if t.ID, err = db.ids.next(platform.SchedulePrefix); err != nil {
			return err
		}
		t.Created = now()
		_, err = tx.ExecContext(ctx, "INSERT INTO schedules (id, service, content, next, created) VALUES ($1, $2, $3, $4, $5)",
			t.ID, t.Service, document{t}, instant{&t.Next}, instant{&t.Created})
		if err != nil {
			return fmt.Errorf("insert schedule: %w", err)
		}
		return nil
	})
	return t, err
}

// Timer returns a schedule by its id.
func (db *DB) Timer(ctx context.Context, id string) (platform.Timer, error) {
	t, err := one(ctx, db.reader, scanTimer, "schedule", id, timerColumns+"WHERE id = $1", id)
	return t, db.explain(err)
}

// Timers lists a service's schedules, oldest first.
func (db *DB) Timers(ctx context.Context, service string) ([]platform.Timer, error) {
	all, err := list(ctx, db.reader, scanTimer, timerColumns+"WHERE service = $1 ORDER BY id", service)
	if err != nil {
		return nil, fmt.Errorf("list schedules of service %s: %w", service, db.explain(err))
	}
	return all, nil
}

// DueTimers lists the schedules whose next planned time has come at the time at, the longest due first.
func (db *DB) DueTimers(ctx context.Context, at time.Time) ([]platform.Timer, error) {
	all, err := list(ctx, db.reader, scanTimer, timerColumns+"WHERE next > 0 AND next <= $1 ORDER BY next, id", instant{&at})
	if err != nil {
		return nil, fmt.Errorf("list schedules that are due: %w", db.explain(err))
	}
	return all, nil
}

// NextTimer is the next planned time of all schedules; zero when there is none.
func (db *DB) NextTimer(ctx context.Context) (time.Time, error) {
	next, err := list(ctx, db.reader, scanInstant, "SELECT next FROM schedules WHERE next > 0 ORDER BY next LIMIT 1")
	if err != nil || len(next) == 0 {
		return time.Time{}, db.explain(err)
	}
	return next[0], nil
}

// DeleteTimer deletes a schedule with its runs.
func (db *DB) DeleteTimer(ctx context.Context, id string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM schedules WHERE id = $1", id)
		if err != nil {
			return fmt.Errorf("delete schedule %s: %w", id, err)
		}
		return affected(res, "schedule", id)
	})
}
