package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"csph/platform"
)

const deliveryColumns = "SELECT content, deployment, outcome, settled FROM deliveries "

// scanDelivery reads what was accepted from its content, and the rest, which comes later, from columns.
func scanDelivery(r row) (d platform.Delivery, err error) {
	var deployment, outcome string
	var settled time.Time
	err = r.Scan(document{&d}, &deployment, &outcome, instant{&settled})
	d.Deployment, d.Outcome, d.Settled = deployment, outcome, settled
	return d, err
}

// AcceptDelivery stores a delivery as waiting, with a new id and time. When its webhook has accepted one of the
// same name before, that one is returned, and fresh is false. With a fresh one, entries of the audit log are written.
func (db *DB) AcceptDelivery(ctx context.Context, d platform.Delivery, entries ...platform.AuditEntry) (stored platform.Delivery, fresh bool, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		stored, err = scanDelivery(tx.QueryRowContext(ctx, deliveryColumns+"WHERE webhook = $1 AND name = $2", d.Webhook, d.Name))
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if d.ID, err = db.ids.next(platform.DeliveryPrefix); err != nil {
			return err
		}
		d.Accepted = now()
		stored, fresh = d, true
		_, err = tx.ExecContext(ctx, `INSERT INTO deliveries (id, webhook, service, name, content, accepted, deployment, outcome, settled)
			VALUES ($1, $2, $3, $4, $5, $6, '', '', 0)`, d.ID, d.Webhook, d.Service, d.Name, document{d}, instant{&d.Accepted})
		if err != nil {
			return fmt.Errorf("insert delivery %s: %w", d.Name, err)
		}
		for _, e := range entries {
			if _, err := insertAudit(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	return stored, fresh && err == nil, err
}

// WaitingDeliveries lists the deliveries that are not settled, oldest first.
func (db *DB) WaitingDeliveries(ctx context.Context) ([]platform.Delivery, error) {
	all, err := list(ctx, db.reader, scanDelivery, deliveryColumns+"WHERE outcome = '' ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list waiting deliveries: %w", db.explain(err))
	}
	return all, nil
}

// Deliveries lists the newest deliveries of a webhook; those before one, unless that is "".
func (db *DB) Deliveries(ctx context.Context, webhook, before string, limit int) ([]platform.Delivery, error) {
	var where conditions
	where.equal("webhook", webhook)
	where.before("id", before)
	all, err := list(ctx, db.reader, scanDelivery, deliveryColumns+where.sql()+fmt.Sprintf("ORDER BY id DESC LIMIT %d", limit), where.args...)
	if err != nil {
		return nil, fmt.Errorf("list deliveries of webhook %s: %w", webhook, db.explain(err))
	}
	return all, nil
}

// SettleDelivery notes what became of a delivery: the deployment, "" for none, and a sentence.
func (db *DB) SettleDelivery(ctx context.Context, id, deployment, outcome string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		at := now()
		_, err := tx.ExecContext(ctx, "UPDATE deliveries SET deployment = $2, outcome = $3, settled = $4 WHERE id = $1", id, deployment, outcome, instant{&at})
		if err != nil {
			return fmt.Errorf("settle delivery %s: %w", id, err)
		}
		return nil // one whose webhook was deleted meanwhile is settled by that
	})
}

// TrimDeliveries drops settled deliveries older than age, and returns how many. Providers repeat a delivery for
// days at most.
func (db *DB) TrimDeliveries(ctx context.Context, age time.Duration) (dropped int64, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		oldest := now().Add(-age)
		res, err := tx.ExecContext(ctx, "DELETE FROM deliveries WHERE outcome <> '' AND settled < $1", instant{&oldest})
		if err != nil {
			return fmt.Errorf("drop old deliveries: %w", err)
		}
		dropped, err = res.RowsAffected()
		return err
	})
	return dropped, err
}
