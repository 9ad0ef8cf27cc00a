package store

import (
	"context"
	"fmt"
	"reflect"

	"csph/platform"
)

// Advance moves a deployment by compare-and-set from status from, applying set (may be nil) to the
// stored record first. ErrConflict when it is no longer in from or the move leads nowhere from there.
// The status and the history are written here; set may change Reason, Message, Hint, Tail and URL, and
// the Image once, in the move that ends the build (ErrInvalid otherwise). set must not call the store,
// and gets a copy that is its own. The events, of this deployment, are published in the same transaction.
func (db *DB) Advance(ctx context.Context, id string, from platform.Status, move platform.Move, set func(*platform.Deployment), events ...platform.Event) (platform.Deployment, error) {
	return db.move(ctx, events, func(ctx context.Context, tx querier) (platform.Deployment, error) {
		return db.advance(ctx, tx, id, from, move, set)
	})
}

// Promote makes next live, retires previous (may be "") and publishes next's events, in one transaction. ErrConflict when
// next has not reached its health check, or previous is not the live deployment of the same service.
func (db *DB) Promote(ctx context.Context, next, previous string, events ...platform.Event) (platform.Deployment, error) {
	return db.move(ctx, events, func(ctx context.Context, tx querier) (platform.Deployment, error) {
		if previous != "" {
			if err := db.retire(ctx, tx, next, previous); err != nil {
				return platform.Deployment{}, err
			}
		}
		after, err := db.advance(ctx, tx, next, platform.HealthCheck, platform.Promote, nil)
		if err != nil {
			return platform.Deployment{}, err
		}
		// A new version runs as many spherelets as its own config says.
		if _, err := tx.ExecContext(ctx, "UPDATE services SET scale = 0 WHERE id = $1", after.Service); err != nil {
			return platform.Deployment{}, fmt.Errorf("update service %s: %w", after.Service, err)
		}
		return after, nil
	})
}

func (db *DB) retire(ctx context.Context, tx querier, next, previous string) error {
	d, err := db.deployment(ctx, tx, next)
	if err != nil {
		return err
	}
	retired, err := db.advance(ctx, tx, previous, platform.Live, platform.Retire, nil)
	if err != nil {
		return err
	}
	if retired.Service != d.Service {
		return fmt.Errorf("%w: deployments %s and %s are of different services", platform.ErrConflict, next, previous)
	}
	return nil
}

func (db *DB) advance(ctx context.Context, tx querier, id string, from platform.Status, move platform.Move, set func(*platform.Deployment)) (platform.Deployment, error) {
	before, err := db.deployment(ctx, tx, id)
	if err != nil {
		return platform.Deployment{}, err
	}
	if before.Status != from {
		return platform.Deployment{}, fmt.Errorf("%w: deployment %s is %s, no longer %s", platform.ErrConflict, id, before.Status, from)
	}
	to, err := platform.Next(from, move)
	if err != nil {
		return platform.Deployment{}, fmt.Errorf("deployment %s: %w", id, err)
	}
	after, err := db.deployment(ctx, tx, id)
	if err != nil {
		return platform.Deployment{}, err
	}
	if set != nil {
		set(&after)
	}
	if err := checkFrozen(before, after, move); err != nil {
		return platform.Deployment{}, err
	}
	after.Status = to
	after.History = append(after.History, platform.Phase{Status: to, At: now()})
	if err := updateDeployment(ctx, tx, from, after); err != nil {
		return platform.Deployment{}, err
	}
	return db.deployment(ctx, tx, id)
}

// checkFrozen refuses a change of what never changes once it is set.
func checkFrozen(before, after platform.Deployment, move platform.Move) error {
	kept := after
	kept.Reason, kept.Message, kept.Hint, kept.Tail, kept.URL = before.Reason, before.Message, before.Hint, before.Tail, before.URL
	if move == platform.StartRollout && reflect.DeepEqual(before.Image, platform.Image{}) {
		kept.Image = before.Image
	}
	if !reflect.DeepEqual(before, kept) {
		return fmt.Errorf("%w: the source, config, image, trigger and history of deployment %s never change (move %s)", platform.ErrInvalid, before.ID, move)
	}
	return nil
}

func updateDeployment(ctx context.Context, tx querier, from platform.Status, d platform.Deployment) error {
	res, err := tx.ExecContext(ctx, `UPDATE deployments
		SET status = $1, reason = $2, message = $3, hint = $4, tail = $5, image = $6, history = $7, url = $8
		WHERE id = $9 AND status = $10`,
		d.Status, d.Reason, d.Message, d.Hint, document{d.Tail}, document{d.Image}, document{d.History}, d.URL, d.ID, from)
	if taken(err) {
		return fmt.Errorf("%w: service %s has another live deployment; retire it in the same step", platform.ErrConflict, d.Service)
	}
	if err != nil {
		return fmt.Errorf("update deployment %s: %w", d.ID, err)
	}
	return affected(res, "deployment that is "+string(from), d.ID)
}
