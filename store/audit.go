package store

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"csph/platform"
)

const auditColumns = "SELECT seq, time, account, member, credential, address, request, action, target, status, message FROM audit "

func scanAudit(r row) (e platform.AuditEntry, err error) {
	err = r.Scan(&e.Seq, instant{&e.Time}, &e.Account, &e.Member, &e.Credential, &e.Address, &e.Request, &e.Action, &e.Target, &e.Status, &e.Message)
	return e, err
}

// Audit writes entries, in one step. Times that are missing are the present one. Without entries, it is the change that
// Announce waits for.
func (db *DB) Audit(ctx context.Context, entries ...platform.AuditEntry) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		for _, e := range entries {
			if _, err := insertAudit(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func insertAudit(ctx context.Context, tx querier, e platform.AuditEntry) (seq int64, err error) {
	if e.Time.IsZero() {
		e.Time = now()
	}
	seq, err = scanSeq(tx.QueryRowContext(ctx, `INSERT INTO audit (time, account, member, credential, address, request, action, target, status, message)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING seq`,
		instant{&e.Time}, e.Account, e.Member, e.Credential, e.Address, e.Request, e.Action, e.Target, e.Status, e.Message))
	if err != nil {
		return 0, fmt.Errorf("insert audit entry: %w", err)
	}
	return seq, nil
}

func scanSeq(r row) (seq int64, err error) {
	err = r.Scan(&seq)
	return seq, err
}

// announced is an audit entry of something that is under way.
type announced struct {
	entry platform.AuditEntry

	mu  sync.Mutex
	seq int64 // 0: not written yet
}

type announcedKey struct{}

// Announce returns a context with which the first change that is made writes e in the same transaction, with the status 0:
// whatever becomes of the process behind it, what was changed is in the audit log with who changed it. settle puts the
// entry with its outcome in the place of that one, or writes it where nothing was changed; it is called once, at the end.
func (db *DB) Announce(ctx context.Context, e platform.AuditEntry) (within context.Context, settle func(context.Context, platform.AuditEntry) error) {
	a := &announced{entry: e}
	a.entry.Status, a.entry.Message = 0, ""
	return context.WithValue(ctx, announcedKey{}, a), func(ctx context.Context, e platform.AuditEntry) error {
		return db.write(context.WithValue(ctx, announcedKey{}, nil), func(ctx context.Context, tx querier) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			if _, err := tx.ExecContext(ctx, "DELETE FROM audit WHERE seq = $1", a.seq); err != nil {
				return fmt.Errorf("delete the announced audit entry: %w", err)
			}
			_, err := insertAudit(ctx, tx, e)
			return err
		})
	}
}

// announce writes the entry that ctx announces, if any, into a transaction, unless an earlier one has it. done is to be called
// with whether the transaction was committed.
func announce(ctx context.Context, tx querier) (done func(committed bool), err error) {
	a, _ := ctx.Value(announcedKey{}).(*announced)
	if a == nil {
		return func(bool) {}, nil
	}
	a.mu.Lock()
	if a.seq > 0 {
		a.mu.Unlock()
		return func(bool) {}, nil
	}
	seq, err := insertAudit(ctx, tx, a.entry)
	return func(committed bool) {
		if committed {
			a.seq = seq
		}
		a.mu.Unlock()
	}, err
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

// strangersKept is how many of the entries about nobody known are kept: anybody who reaches the server can make some.
const strangersKept = 20_000

// TrimAudit drops entries that are older than age, and of those about nobody known all but the newest, and returns how many.
func (db *DB) TrimAudit(ctx context.Context, age time.Duration) (dropped int64, err error) {
	oldest := now().Add(-age)
	dropped, err = db.trimAudit(ctx, "time < $1", instant{&oldest})
	if err != nil {
		return dropped, err
	}
	n, err := db.trimAudit(ctx, fmt.Sprintf("account = $1 AND seq <= (SELECT seq FROM audit WHERE account = $1 ORDER BY seq DESC LIMIT 1 OFFSET %d)", strangersKept), "")
	return dropped + n, err
}

// trimAudit drops the entries of a condition with one argument.
func (db *DB) trimAudit(ctx context.Context, condition string, arg any) (dropped int64, err error) {
	for {
		var n int64
		err := db.write(ctx, func(ctx context.Context, tx querier) error {
			res, err := tx.ExecContext(ctx, "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE "+condition+" ORDER BY seq LIMIT $2)", arg, trimBatch)
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
