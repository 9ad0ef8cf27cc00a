package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"csph/platform"
)

// querier is a transaction or a pool of connections.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// row is one row being read.
type row interface {
	Scan(dest ...any) error
}

// write runs f in a transaction of its own, after those that came before it. It returns nil once
// everything f wrote is durable; after an error nothing of it was written. The context bounds the wait
// for the turn only: f gets one that does not end.
func (db *DB) write(ctx context.Context, f func(ctx context.Context, tx querier) error) error {
	select {
	case <-db.closed:
		return errClosed
	default:
	}
	select {
	case db.turn <- struct{}{}:
	case <-db.closed:
		return errClosed
	case <-ctx.Done():
		return fmt.Errorf("wait to write: %w", ctx.Err())
	}
	defer func() { <-db.turn }()
	return db.explain(db.transact(context.WithoutCancel(ctx), f))
}

func (db *DB) transact(ctx context.Context, f func(ctx context.Context, tx querier) error) error {
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer tx.Rollback() // does nothing after Commit
	if err := f(ctx, tx); err != nil {
		return err
	}
	done, err := announce(ctx, tx)
	if err == nil {
		err = tx.Commit()
	}
	done(err == nil)
	if err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// list reads all rows of a query.
func list[T any](ctx context.Context, q querier, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// one reads the only row of a query; without one it returns ErrNotFound and says that there is no noun id.
func one[T any](ctx context.Context, q querier, scan func(row) (T, error), noun, id, query string, args ...any) (T, error) {
	found, err := scan(q.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return found, fmt.Errorf("%w: there is no %s %s", platform.ErrNotFound, noun, id)
	}
	if err != nil {
		return found, fmt.Errorf("read %s %s: %w", noun, id, err)
	}
	return found, nil
}

// only is the one record whose id starts with prefix. ErrConflict when several do.
func only[T any](found []T, noun, prefix string, err error) (one T, _ error) {
	switch {
	case err != nil:
		return one, fmt.Errorf("read %s %s: %w", noun, prefix, err)
	case len(found) == 0:
		return one, fmt.Errorf("%w: there is no %s %s", platform.ErrNotFound, noun, prefix)
	case len(found) > 1:
		return one, fmt.Errorf("%w: %s is the start of several %ss' ids; write more of it", platform.ErrConflict, prefix, noun)
	}
	return found[0], nil
}

// affected returns ErrNotFound when a statement touched no row.
func affected(res sql.Result, noun, id string) error {
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%w: there is no %s %s", platform.ErrNotFound, noun, id)
	}
	return nil
}
