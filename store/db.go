package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// DB is the records and the bus of one csphd. All methods are safe for concurrent use.
type DB struct {
	path   string
	busy   time.Duration // how long to wait for other programs that have the file locked
	lock   *os.File
	writer *sql.DB // one connection; used only by who holds turn
	reader *sql.DB
	turn   chan struct{} // holds one value while somebody writes
	ids    *ids
	hub    *hub
	uses   *uses
	sealer Sealer // nil: nothing secret can be kept

	closing sync.Once
	closed  chan struct{}
	outcome error // of Close; read after closing.Do
}

// errClosed ends what is still waiting when the store is closed.
var errClosed = errors.New("the records are closed")

// Open opens the records at path, makes them if there are none, and brings an older schema up to date.
// The folder must exist. It fails, saying which it is, when another process has them open, when the
// file is damaged or not a database, and when a newer csph has written it.
func Open(ctx context.Context, path string) (*DB, error) {
	return open(ctx, path, busyTimeout)
}

func open(ctx context.Context, path string, busy time.Duration) (*DB, error) {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open records %s: %w", path, err)
	}
	db := &DB{
		path: path, busy: busy, lock: lock,
		turn: make(chan struct{}, 1), closed: make(chan struct{}),
		ids: newIDs(), hub: newHub(), uses: newUses(),
	}
	if err := db.connect(ctx); err != nil {
		return nil, fmt.Errorf("open records %s: %w", path, errors.Join(db.explain(err), db.disconnect()))
	}
	db.uses.start(db.recordUses)
	return db, nil
}

// connect makes both pools, the schema, and the source of ids.
func (db *DB) connect(ctx context.Context) error {
	if err := createFile(db.path); err != nil {
		return err
	}
	var err error
	if db.writer, err = openWriter(db.path, db.busy); err != nil {
		return err
	}
	if err := db.writer.PingContext(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, db.writer); err != nil {
		return err
	}
	if db.reader, err = openReader(db.path, db.busy); err != nil {
		return err
	}
	return db.continueIDs(ctx)
}

// Close waits for the write in progress, ends all subscriptions and closes the file. Everything after
// it fails. It may be called more than once.
func (db *DB) Close() error {
	db.closing.Do(func() {
		db.uses.stop()
		close(db.closed)
		db.turn <- struct{}{} // never given back: nobody writes any more
		db.outcome = db.disconnect()
	})
	return db.outcome
}

// disconnect closes what connect has opened. The writer goes last: it checkpoints the log.
func (db *DB) disconnect() error {
	var errs []error
	for _, pool := range []*sql.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(append(errs, db.lock.Close())...)
}

// Check reads the whole file and reports damage and broken references. It takes as long as reading the
// file does, and blocks nobody.
func (db *DB) Check(ctx context.Context) error {
	var verdict string
	if err := db.reader.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check records: %w", db.explain(err))
	}
	if verdict != "ok" {
		return fmt.Errorf("check records: %s is damaged (%s): %s", db.path, verdict, damagedHint)
	}
	rows, err := db.reader.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return fmt.Errorf("check records: %w", db.explain(err))
	}
	defer rows.Close()
	if rows.Next() {
		return fmt.Errorf("check records: %s holds a row that refers to a missing one: %s", db.path, damagedHint)
	}
	return db.explain(rows.Err())
}
