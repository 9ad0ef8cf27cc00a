package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"csph/platform"
)

const auditColumns = "SELECT seq, time, account, member, credential, address, request, action, target, status, message FROM audit "

func scanAudit(r row) (e platform.AuditEntry, err error) {
	err = r.Scan(&e.Seq, instant{&e.Time}, &e.Account, &e.Member, &e.Credential, &e.Address, &e.Request, &e.Action, &e.Target, &e.Status, &e.Message)
	return e, err
}

// Audit writes entries, in one step. Times that are missing are the present one.
func (db *DB) Audit(ctx context.Context, entries ...platform.AuditEntry) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		for _, e := range entries {
			if e.Time.IsZero() {
				e.Time = now()
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO audit (time, account, member, credential, address, request, action, target, status, message)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
				instant{&e.Time}, e.Account, e.Member, e.Credential, e.Address, e.Request, e.Action, e.Target, e.Status, e.Message)
			if err != nil {
				return fmt.Errorf("insert audit entry: %w", err)
			}
		}
		return nil
	})
}

// AuditPage selects entries of the audit log, newest first. Zero fields do not restrict, but for Accounts.
type AuditPage struct {
	Accounts []string // whose; "" is nobody known
	Before   int64    // position of the last entry of the page before this one
	After    int64    // only entries behind this position
	Limit    int
}

// AuditPage lists one page of the audit log.
func (db *DB) AuditPage(ctx context.Context, p AuditPage) ([]platform.AuditEntry, error) {
	var where conditions
	where.among("account", p.Accounts)
	if p.Before > 0 {
		where.compare("seq", "<", p.Before)
	}
	where.compare("seq", ">", p.After)
	if p.Limit <= 0 {
		p.Limit = math.MaxInt32
	}
	all, err := list(ctx, db.reader, scanAudit, fmt.Sprintf("%s%sORDER BY seq DESC LIMIT %d", auditColumns, where.sql(), p.Limit), where.args...)
	if err != nil {
		return nil, fmt.Errorf("list the audit log: %w", db.explain(err))
	}
	return all, nil
}

// TrimAudit drops entries that are older than age, and returns how many.
func (db *DB) TrimAudit(ctx context.Context, age time.Duration) (dropped int64, err error) {
	oldest := now().Add(-age)
	for {
		var n int64
		err := db.write(ctx, func(ctx context.Context, tx querier) error {
			res, err := tx.ExecContext(ctx, "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE time < $1 ORDER BY seq LIMIT $2)", instant{&oldest}, trimBatch)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if dropped += n; err != nil || n < trimBatch {
			return dropped, err
		}
	}
}
