package store

import (
	"context"
	"fmt"
	"time"
)

// Retention is how many events are kept. Zero fields do not restrict.
type Retention struct {
	Age  time.Duration // drop what is older
	Rows int           // keep this many of each service, the newest
}

const (
	// trimBatch is how many events one transaction drops, so that other writers get their turn.
	trimBatch = 1000
	// followed is the condition of events that clients wait behind: those of rollouts under way.
	followed = "deployment IN (SELECT id FROM deployments WHERE " + underWay + ")"
)

// Trim drops the events that keep does not ask for, and returns how many. Events of deployments that
// have not settled stay whatever their age and number. Positions are never given out again.
func (db *DB) Trim(ctx context.Context, keep Retention) (dropped int64, err error) {
	services, err := list(ctx, db.reader, scanText, "SELECT DISTINCT service FROM events")
	if err != nil {
		return 0, fmt.Errorf("list services of events: %w", db.explain(err))
	}
	for _, service := range services {
		n, err := db.trimService(ctx, service, keep)
		dropped += n
		if err != nil {
			return dropped, fmt.Errorf("trim events of service %s: %w", service, err)
		}
	}
	return dropped, nil
}

func (db *DB) trimService(ctx context.Context, service string, keep Retention) (dropped int64, err error) {
	var oldest time.Time
	if keep.Age > 0 {
		oldest = now().Add(-keep.Age)
	}
	first, err := db.firstKept(ctx, service, keep.Rows)
	if err != nil {
		return 0, err
	}
	for {
		n, err := db.dropEvents(ctx, service, first, oldest)
		dropped += n
		if err != nil || n < trimBatch {
			return dropped, err
		}
	}
}

// firstKept is the position of the oldest of a service's newest rows events, 0 to keep all.
func (db *DB) firstKept(ctx context.Context, service string, rows int) (int64, error) {
	if rows <= 0 {
		return 0, nil
	}
	found, err := list(ctx, db.reader, scanEvent, eventColumns+"WHERE service = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2", service, rows-1)
	if err != nil || len(found) == 0 {
		return 0, db.explain(err)
	}
	return found[0].Seq, nil
}

// dropEvents drops one batch of a service's events that lie before first or are older than oldest.
func (db *DB) dropEvents(ctx context.Context, service string, first int64, oldest time.Time) (dropped int64, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM events WHERE seq IN (
			SELECT seq FROM events WHERE service = $1 AND (seq < $2 OR time < $3) AND NOT `+followed+`
			ORDER BY seq LIMIT $4)`, service, first, instant{&oldest}, trimBatch)
		if err != nil {
			return err
		}
		dropped, err = res.RowsAffected()
		return err
	})
	return dropped, err
}
