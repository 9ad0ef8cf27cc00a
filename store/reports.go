package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"csph/platform"
)

const reportColumns = "SELECT content, version, due FROM reports "

func scanReport(r row) (p platform.Report, err error) {
	var version int64
	var due time.Time
	err = r.Scan(document{&p}, &version, instant{&due})
	p.Version, p.Due = version, due
	return p, err
}

// QueueReports keeps reports until they are told, and notes that reader has read the bus up to seq, in one
// transaction: a reader that goes on from there after a crash neither misses nor repeats one. A report takes the place of
// the one of the same subject that is there, whose handle it inherits.
func (db *DB) QueueReports(ctx context.Context, reader string, seq int64, reports ...platform.Report) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		for _, r := range reports {
			if err := queueReport(ctx, tx, r); err != nil {
				return err
			}
		}
		if reader == "" {
			return nil
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO cursors (reader, seq) VALUES ($1, $2) ON CONFLICT (reader) DO UPDATE SET seq = excluded.seq", reader, seq)
		if err != nil {
			return fmt.Errorf("note how far %s has read: %w", reader, err)
		}
		return nil
	})
}

func queueReport(ctx context.Context, tx querier, r platform.Report) error {
	before, err := scanReport(tx.QueryRowContext(ctx, reportColumns+"WHERE subject = $1", r.Subject))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read report %s: %w", r.Subject, err)
	}
	if r.Handle == "" {
		r.Handle = before.Handle
	}
	r.Attempts, r.Due = 0, now()
	_, err = tx.ExecContext(ctx, `INSERT INTO reports (subject, service, content, version, due) VALUES ($1, $2, $3, 1, $4)
		ON CONFLICT (subject) DO UPDATE SET service = excluded.service, content = excluded.content, version = reports.version + 1, due = excluded.due`,
		r.Subject, r.Service, document{r}, instant{&r.Due})
	if err != nil {
		return fmt.Errorf("insert report %s: %w", r.Subject, err)
	}
	return nil
}

// DueReports lists the reports that are to be told at the time at, the most urgent first.
func (db *DB) DueReports(ctx context.Context, at time.Time, limit int) ([]platform.Report, error) {
	all, err := list(ctx, db.reader, scanReport, reportColumns+"WHERE due > 0 AND due <= $1 ORDER BY due, subject LIMIT $2", instant{&at}, limit)
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", db.explain(err))
	}
	return all, nil
}

// NextReport is when the next report is due; zero when none is.
func (db *DB) NextReport(ctx context.Context) (time.Time, error) {
	due, err := list(ctx, db.reader, scanInstant, "SELECT due FROM reports WHERE due > 0 ORDER BY due LIMIT 1")
	if err != nil || len(due) == 0 {
		return time.Time{}, db.explain(err)
	}
	return due[0], nil
}

func scanInstant(r row) (at time.Time, err error) {
	err = r.Scan(instant{&at})
	return at, err
}

// Report returns the report of a subject; ErrNotFound when there is none.
func (db *DB) Report(ctx context.Context, subject string) (platform.Report, error) {
	r, err := one(ctx, db.reader, scanReport, "report", subject, reportColumns+"WHERE subject = $1", subject)
	return r, db.explain(err)
}

// KeepReport notes what became of an attempt to tell r: with a Due it is tried again then, without one it has been told, and
// is dropped if it was the last of its subject. When a newer one has come meanwhile, only the handle is kept.
func (db *DB) KeepReport(ctx context.Context, r platform.Report) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		newest, err := scanReport(tx.QueryRowContext(ctx, reportColumns+"WHERE subject = $1", r.Subject))
		if errors.Is(err, sql.ErrNoRows) {
			return nil // its service is gone
		}
		if err != nil {
			return fmt.Errorf("read report %s: %w", r.Subject, err)
		}
		if newest.Version != r.Version {
			newest.Handle = r.Handle
			r = newest
		}
		if r.Last && r.Due.IsZero() {
			_, err = tx.ExecContext(ctx, "DELETE FROM reports WHERE subject = $1", r.Subject)
		} else {
			_, err = tx.ExecContext(ctx, "UPDATE reports SET content = $2, due = $3 WHERE subject = $1", r.Subject, document{r}, instant{&r.Due})
		}
		if err != nil {
			return fmt.Errorf("keep report %s: %w", r.Subject, err)
		}
		return nil
	})
}

// MuteReports notes why the host of a service's repository is told nothing any more, until the service is connected
// anew, and drops what was to be told. first is false when it was mute already.
func (db *DB) MuteReports(ctx context.Context, service, why string) (first bool, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		res, err := tx.ExecContext(ctx, "UPDATE repositories SET muted = $2 WHERE service = $1 AND muted = ''", service, why)
		if err != nil {
			return fmt.Errorf("mute the reports of service %s: %w", service, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		first = n > 0
		_, err = tx.ExecContext(ctx, "DELETE FROM reports WHERE service = $1", service)
		return err
	})
	return first && err == nil, err
}

// Cursor is the position up to which a reader has read the bus; ErrNotFound before it has noted one.
func (db *DB) Cursor(ctx context.Context, reader string) (int64, error) {
	seq, err := one(ctx, db.reader, func(r row) (n int64, err error) { err = r.Scan(&n); return n, err }, "cursor", reader, "SELECT seq FROM cursors WHERE reader = $1", reader)
	return seq, db.explain(err)
}
