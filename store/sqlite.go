package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"csph/platform"
)

const (
	// busyTimeout bounds the wait for a program other than csphd (a backup, a shell) that has the file locked.
	busyTimeout = 10 * time.Second
	readers     = 4
	// readerIdle is how long an unused reader connection keeps its page cache.
	readerIdle = time.Minute
	// logLimit is the size that the write-ahead log is cut back to once it has been checkpointed, in bytes.
	logLimit = 16 << 20

	damagedHint = "stop csphd, keep a copy of the file with its -wal and -shm files, and restore a backup"
)

// openWriter opens the only connection that writes. BEGIN takes the write lock at once, so that a
// transaction never finds out halfway that it cannot write.
func openWriter(path string, busy time.Duration) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"}}
	q.Add("_pragma", fmt.Sprintf("journal_size_limit(%d)", logLimit))
	db, err := sql.Open("sqlite", dsn(path, busy, q))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// openReader opens the pool of connections that can only read.
func openReader(path string, busy time.Duration) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, busy, url.Values{"_query_only": {"1"}}))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	db.SetConnMaxIdleTime(readerIdle)
	return db, nil
}

func dsn(path string, busy time.Duration, q url.Values) string {
	q.Set("_busy_timeout", fmt.Sprint(busy.Milliseconds()))
	q.Set("_foreign_keys", "1")
	q.Set("_dqs", "0")
	q.Set("_error_rc", "1")
	return (&url.URL{Scheme: "file", Path: path, OmitHost: true, RawQuery: q.Encode()}).String()
}

// lockFile takes the lock that says who has the records open. The kernel releases it with the process,
// and children do not inherit it.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%w: another csphd is running with this state folder; stop it, or choose another folder with --state", platform.ErrConflict)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// createFile makes an empty database that only its owner can read, since it holds variables of services,
// and makes its name durable. SQLite gives its other files the same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(dir.Sync(), dir.Close(), f.Close())
}

// explain adds to an error of SQLite what the operator can do about it.
func (db *DB) explain(err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-db.closed:
		return fmt.Errorf("%w: %w", errClosed, err)
	default:
	}
	switch code(err) & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk that holds %s is full, nothing was written; free some space: %w", db.path, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("another program keeps %s locked; end it and try again: %w", db.path, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s is damaged or not a database: %s: %w", db.path, damagedHint, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%s cannot be written; check its owner, mode and file system: %w", db.path, err)
	}
	return err
}

// taken reports whether err says that a unique value exists already.
func taken(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

// code is the extended result code of an error of SQLite, 0 of any other.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}
