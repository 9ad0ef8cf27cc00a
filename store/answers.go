package store

import (
	"context"
	"fmt"
	"time"
)

// answerLife is for how long an answer is given again.
const answerLife = 24 * time.Hour

// Answer is what a request with an Idempotency-Key was answered.
type Answer struct {
	Fingerprint string // of the request
	Status      int    // 0: not answered yet, or never
	Body        []byte
}

// Claim reserves a key of a credential for a request. claimed is false when it is taken: then before is what came of that.
func (db *DB) Claim(ctx context.Context, credential, key, fingerprint string) (before Answer, claimed bool, err error) {
	err = db.write(ctx, func(ctx context.Context, tx querier) error {
		created := now()
		oldest := created.Add(-answerLife)
		if _, err := tx.ExecContext(ctx, "DELETE FROM answers WHERE created < $1", instant{&oldest}); err != nil {
			return fmt.Errorf("drop old answers: %w", err)
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO answers (credential, key, fingerprint, status, sealed, created) VALUES ($1, $2, $3, 0, $4, $5)
			ON CONFLICT (credential, key) DO NOTHING`, credential, key, fingerprint, []byte{}, instant{&created})
		if err != nil {
			return fmt.Errorf("claim key: %w", err)
		}
		n, err := res.RowsAffected()
		if claimed = n == 1; claimed || err != nil {
			return err
		}
		before, err = one(ctx, tx, scanAnswer, "answer", key,
			"SELECT fingerprint, status, sealed FROM answers WHERE credential = $1 AND key = $2", credential, key)
		return err
	})
	if err == nil && !claimed && len(before.Body) > 0 {
		before.Body, err = db.unseal(before.Body)
	}
	return before, claimed, err
}

func scanAnswer(r row) (a Answer, err error) {
	err = r.Scan(&a.Fingerprint, &a.Status, &a.Body)
	return a, err
}

// Answered keeps what a claimed request was answered. The body is encrypted: it may hold a new token.
func (db *DB) Answered(ctx context.Context, credential, key string, status int, body []byte) error {
	sealed, err := db.seal(body)
	if err != nil {
		return err
	}
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		_, err := tx.ExecContext(ctx, "UPDATE answers SET status = $1, sealed = $2 WHERE credential = $3 AND key = $4", status, sealed, credential, key)
		return err
	})
}

// Unclaim gives a key free again, after a request that has changed nothing.
func (db *DB) Unclaim(ctx context.Context, credential, key string) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM answers WHERE credential = $1 AND key = $2 AND status = 0", credential, key)
		return err
	})
}
