package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

func TestOpeningAgainChangesNothing(t *testing.T) {
	path := place(t)
	db, err := Open(t.Context(), path)
	must(t, err)
	s := firstService(t, db)
	must(t, db.Close())
	for range 2 {
		db, err := Open(t.Context(), path)
		must(t, err)
		if _, err := db.Service(t.Context(), s.ID); err != nil {
			t.Error(err)
		}
		must(t, db.Check(t.Context()))
		must(t, db.Close())
	}
}

func TestEveryCommitIsSynced(t *testing.T) {
	db := opened(t, place(t))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		must(t, db.writer.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		if got != want {
			t.Errorf("%s of the writer is %s; want %s", pragma, got, want)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := opened(t, place(t))
	if _, err := db.reader.ExecContext(t.Context(), "INSERT INTO accounts (id, name, created) VALUES ('a', 'a', 1)"); err == nil {
		t.Error("a reader has written")
	}
}

func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	db, _ := started(t)
	files, err := filepath.Glob(db.path + "*")
	must(t, err)
	if len(files) < 3 {
		t.Fatalf("files %v; want the log among them", files)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode of %s is %v; want 0600", file, info.Mode())
		}
	}
}

func TestRecordsThatAreOpenCannotBeOpenedAgain(t *testing.T) {
	db := opened(t, place(t))
	_, err := Open(t.Context(), db.path)
	if !errors.Is(err, platform.ErrConflict) || !strings.Contains(err.Error(), "another csphd is running") {
		t.Fatalf("error is %v", err)
	}
}

func TestAProgramThatKeepsTheFileLockedIsNamed(t *testing.T) {
	path := place(t)
	db, err := Open(t.Context(), path)
	must(t, err)
	must(t, db.Close())
	other, err := sql.Open("sqlite", dsn(path, time.Second, url.Values{"_txlock": {"exclusive"}}))
	must(t, err)
	defer other.Close()
	other.SetMaxOpenConns(1)
	_, err = other.ExecContext(t.Context(), "PRAGMA locking_mode = EXCLUSIVE")
	must(t, err)
	tx, err := other.BeginTx(t.Context(), nil)
	must(t, err)
	defer tx.Rollback()
	_, err = open(t.Context(), path, 50*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "another program keeps") {
		t.Fatalf("error is %v", err)
	}
}

func TestWhatIsNoDatabaseIsLeftAlone(t *testing.T) {
	path := place(t)
	content := []byte(strings.Repeat("this is no database\n", 1000))
	must(t, os.WriteFile(path, content, 0o600))
	_, err := Open(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), "damaged or not a database") || !strings.Contains(err.Error(), path) {
		t.Fatalf("error is %v", err)
	}
	after, err := os.ReadFile(path)
	must(t, err)
	if string(after) != string(content) {
		t.Error("the file has been changed")
	}
}

func TestDamageIsFoundByCheck(t *testing.T) {
	path := place(t)
	db, err := Open(t.Context(), path)
	must(t, err)
	s := firstService(t, db)
	for range 200 {
		_, err := db.CreateDeployment(t.Context(), platform.Deployment{Service: s.ID, Message: strings.Repeat("x", 500)})
		must(t, err)
	}
	must(t, db.Close())
	scratch(t, path)

	db = opened(t, path)
	if err := db.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("check says %v", err)
	}
	if _, err := db.Deployments(t.Context(), "", 0); err == nil || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("reading says %v", err)
	}
}

// scratch overwrites the first page of a file that is full of x.
func scratch(t *testing.T, path string) {
	t.Helper()
	const page = 4096
	content, err := os.ReadFile(path)
	must(t, err)
	for at := 0; at < len(content); at += page {
		if bytes.Count(content[at:at+page], []byte("x")) < page/2 {
			continue
		}
		copy(content[at:], bytes.Repeat([]byte{0xff}, page))
		must(t, os.WriteFile(path, content, 0o600))
		return
	}
	t.Fatal("no page is full of x")
}

func TestAFileOfANewerVersionIsRefused(t *testing.T) {
	path := place(t)
	db, err := Open(t.Context(), path)
	must(t, err)
	_, err = db.writer.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	must(t, err)
	must(t, db.Close())
	_, err = Open(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), "a newer csph has written this file (schema 999") {
		t.Fatalf("error is %v", err)
	}
}

func TestAMissingFolderIsSaid(t *testing.T) {
	_, err := Open(t.Context(), filepath.Join(t.TempDir(), "none", "csph.db"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error is %v", err)
	}
}

func TestAPathMayHoldAnyCharacter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c#d%20&e=ü")
	must(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "csph.db")
	opened(t, path)
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the file is not where it should be: %v %v", info, err)
	}
}

func TestAfterCloseEverythingFailsAndNothingHangs(t *testing.T) {
	db, s := started(t)
	ended := make(chan error, 1)
	go func() {
		for _, err := range db.Subscribe(t.Context(), Filter{Live: true}) {
			ended <- err
		}
	}()
	must(t, db.Close())
	must(t, db.Close())
	if err := <-ended; !errors.Is(err, errClosed) {
		t.Errorf("the subscription ended with %v", err)
	}
	if _, err := db.Service(t.Context(), s.ID); !errors.Is(err, errClosed) {
		t.Errorf("reading says %v", err)
	}
	if _, err := db.Publish(t.Context(), platform.Event{Kind: "x"}); !errors.Is(err, errClosed) {
		t.Errorf("writing says %v", err)
	}
	again := opened(t, db.path) // the lock is free
	must(t, again.Check(t.Context()))
}

func TestAStartThatIsCutShortBeforeTheTokenIsKeptStartsOver(t *testing.T) {
	db := opened(t, place(t))
	cut := errors.New("cut short")
	if _, err := db.Bootstrap(t.Context(), func(string) error { return cut }); !errors.Is(err, cut) {
		t.Fatalf("error is %v", err)
	}
	var first, second string
	// Killed after the token was kept and before the records were written: the turn never comes.
	db.turn <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := db.Bootstrap(ctx, func(token string) error { first = token; return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error is %v", err)
	}
	<-db.turn
	created, err := db.Bootstrap(t.Context(), func(token string) error { second = token; return nil })
	must(t, err)
	if !created || first == second {
		t.Fatalf("created is %v with the same token: %v", created, first == second)
	}
	_, err = db.Authenticate(t.Context(), second)
	must(t, err)
	if _, err := db.Authenticate(t.Context(), first); !errors.Is(err, platform.ErrUnauthorized) {
		t.Errorf("the token that was not written is known: %v", err)
	}
}
