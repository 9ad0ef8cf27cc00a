package store

import (
	"context"
	"fmt"
	"time"

	"csph/platform"
)

const previewColumns = "SELECT service, parent, number, touched, expires FROM previews "

func scanPreview(r row) (p platform.Preview, err error) {
	err = r.Scan(&p.Service, &p.Parent, &p.Number, instant{&p.Touched}, instant{&p.Expires})
	return p, err
}

// TouchPreview notes that a commit of a pull request came now: its preview stays for keep from now on.
func (db *DB) TouchPreview(ctx context.Context, service, parent string, number int, keep time.Duration) (platform.Preview, error) {
	p := platform.Preview{Service: service, Parent: parent, Number: number, Touched: now()}
	p.Expires = p.Touched.Add(keep)
	err := db.write(ctx, func(ctx context.Context, tx querier) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO previews (service, parent, number, touched, expires) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (service) DO UPDATE SET touched = excluded.touched, expires = excluded.expires`,
			p.Service, p.Parent, p.Number, instant{&p.Touched}, instant{&p.Expires})
		if err != nil {
			return fmt.Errorf("insert preview %s: %w", service, err)
		}
		return nil
	})
	return p, err
}

// Preview returns what a service is a preview of; ErrNotFound when it is none.
func (db *DB) Preview(ctx context.Context, service string) (platform.Preview, error) {
	p, err := one(ctx, db.reader, scanPreview, "preview", service, previewColumns+"WHERE service = $1", service)
	return p, db.explain(err)
}

// ExpiredPreviews lists the previews whose time is over at the time at.
func (db *DB) ExpiredPreviews(ctx context.Context, at time.Time) ([]platform.Preview, error) {
	all, err := list(ctx, db.reader, scanPreview, previewColumns+"WHERE expires <= $1 ORDER BY expires", instant{&at})
	if err != nil {
		return nil, fmt.Errorf("list expired previews: %w", db.explain(err))
	}
	return all, nil
}
