package store

import (
	"context"
	"errors"
	"fmt"
)

// Sealer encrypts what is secret before it is written, and decrypts it. Safe for concurrent use.
type Sealer interface {
	Seal(plain []byte) ([]byte, error)
	Unseal(sealed []byte) ([]byte, error)
}

// SealWith makes s encrypt secrets. It must be called before any are kept or read, and once.
func (db *DB) SealWith(s Sealer) { db.sealer = s }

var errNoSealer = errors.New("the records have no key for secrets")

func (db *DB) seal(plain []byte) ([]byte, error) {
	if db.sealer == nil {
		return nil, errNoSealer
	}
	sealed, err := db.sealer.Seal(plain)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return sealed, nil
}

func (db *DB) unseal(sealed []byte) ([]byte, error) {
	if db.sealer == nil {
		return nil, errNoSealer
	}
	plain, err := db.sealer.Unseal(sealed)
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	return plain, nil
}

// sealedTables are all that hold something encrypted, with what identifies a row.
func sealedTables() map[string]string {
	return map[string]string{
		"secrets":      "service || ' ' || name || ' ' || CAST(version AS TEXT)",
		"registries":   "service || ' ' || host",
		"repositories": "service",
		"webhooks":     "id",
		"answers":      "credential || ' ' || key",
	}
}

type sealedRow struct {
	id     string
	sealed []byte
}

func scanSealed(r row) (s sealedRow, err error) {
	err = r.Scan(&s.id, &s.sealed)
	return s, err
}

// Reseal encrypts everything that is encrypted anew with what Seal does now, and returns how many values that were. When it is
// interrupted, some values need the old key and some the new one: keep both until it has returned nil.
func (db *DB) Reseal(ctx context.Context) (n int, err error) {
	for table, id := range sealedTables() {
		rows, err := list(ctx, db.reader, scanSealed, "SELECT "+id+", sealed FROM "+table)
		if err != nil {
			return n, fmt.Errorf("read %s: %w", table, db.explain(err))
		}
		for _, r := range rows {
			if err := db.resealOne(ctx, table, id, r); err != nil {
				return n, fmt.Errorf("encrypt %s of %s anew: %w", r.id, table, err)
			}
			n++
		}
	}
	return n, nil
}

func (db *DB) resealOne(ctx context.Context, table, id string, r sealedRow) error {
	if len(r.sealed) == 0 {
		return nil
	}
	plain, err := db.unseal(r.sealed)
	if err != nil {
		return err
	}
	sealed, err := db.seal(plain)
	if err != nil {
		return err
	}
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		_, err := tx.ExecContext(ctx, "UPDATE "+table+" SET sealed = $1 WHERE "+id+" = $2 AND sealed = $3", sealed, r.id, r.sealed)
		return err
	})
}
