package store

import (
	"context"
	"fmt"
	"slices"

	"csph/platform"
)

const eventColumns = "SELECT seq, time, service, deployment, spherelet, kind, status, message FROM events "

func scanEvent(r row) (e platform.Event, err error) {
	err = r.Scan(&e.Seq, instant{&e.Time}, &e.Service, &e.Deployment, &e.Spherelet, &e.Kind, &e.Status, &e.Message)
	return e, err
}

// Publish puts an event on the bus and returns it with its position, which is larger than that of every
// event published before, and its time, unless it has one. It blocks until the event is durable, never
// for a subscriber. ErrInvalid without a kind.
func (db *DB) Publish(ctx context.Context, e platform.Event) (platform.Event, error) {
	var made platform.Event
	err := db.write(ctx, func(ctx context.Context, tx querier) (err error) {
		made, err = insertEvent(ctx, tx, e)
		return err
	})
	if err != nil {
		return platform.Event{}, err
	}
	db.hub.wake(made)
	return made, nil
}

func insertEvent(ctx context.Context, tx querier, e platform.Event) (platform.Event, error) {
	if e.Kind == "" {
		return platform.Event{}, fmt.Errorf("%w: an event without a kind", platform.ErrInvalid)
	}
	if e.Time.IsZero() {
		e.Time = now()
	}
	made, err := scanEvent(tx.QueryRowContext(ctx, `INSERT INTO events (time, service, deployment, spherelet, kind, status, message)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		RETURNING seq, time, service, deployment, spherelet, kind, status, message`,
		instant{&e.Time}, e.Service, e.Deployment, e.Spherelet, e.Kind, e.Status, e.Message))
	if err != nil {
		return platform.Event{}, fmt.Errorf("insert event: %w", err)
	}
	return made, nil
}

// move makes a change to a deployment together with the events that tell of it: both are written, or neither. f returns the
// deployment as it is afterwards; its service and id are those of the events.
func (db *DB) move(ctx context.Context, events []platform.Event, f func(ctx context.Context, tx querier) (platform.Deployment, error)) (after platform.Deployment, err error) {
	made := make([]platform.Event, len(events))
	err = db.write(ctx, func(ctx context.Context, tx querier) (err error) {
		if after, err = f(ctx, tx); err != nil {
			return err
		}
		for i, e := range events {
			e.Service, e.Deployment = after.Service, after.ID
			if made[i], err = insertEvent(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return platform.Deployment{}, err
	}
	for _, e := range made {
		db.hub.wake(e)
	}
	return after, nil
}

// Filter selects events. Zero fields do not restrict.
type Filter struct {
	Service    string
	Deployment string
	After      int64 // position; only events behind it
	Live       bool  // Subscribe only: go on with those to come
}

func (f Filter) matches(e platform.Event) bool {
	return (f.Service == "" || f.Service == e.Service) && (f.Deployment == "" || f.Deployment == e.Deployment)
}

func (f Filter) conditions() conditions {
	var where conditions
	where.equal("service", f.Service)
	where.equal("deployment", f.Deployment)
	return where
}

// Events lists events in order, from behind f.After, at most limit; 0 means all.
func (db *DB) Events(ctx context.Context, f Filter, limit int) ([]platform.Event, error) {
	where := f.conditions()
	where.compare("seq", ">", f.After)
	return db.events(ctx, where, "ORDER BY seq", limit)
}

// LatestEvents lists the last events behind f.After, at most limit, in order; 0 means all.
func (db *DB) LatestEvents(ctx context.Context, f Filter, limit int) ([]platform.Event, error) {
	where := f.conditions()
	where.compare("seq", ">", f.After)
	all, err := db.events(ctx, where, "ORDER BY seq DESC", limit)
	slices.Reverse(all)
	return all, err
}

func (db *DB) events(ctx context.Context, where conditions, order string, limit int) ([]platform.Event, error) {
	query := eventColumns + where.sql() + order
	if limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	all, err := list(ctx, db.reader, scanEvent, query, where.args...)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", db.explain(err))
	}
	return all, nil
}

// Position is the position of the last event on the bus, 0 when there has been none: subscribe behind it
// to see only what is yet to come.
func (db *DB) Position(ctx context.Context) (int64, error) {
	last, err := db.events(ctx, conditions{}, "ORDER BY seq DESC", 1)
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return last[0].Seq, nil
}
