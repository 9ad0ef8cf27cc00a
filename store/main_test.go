package store

import (
	"os"
	"path/filepath"
	"testing"

	"csph/platform"
)

// TestMain runs this binary as the writer that TestWhatWasAcknowledgedSurvivesKill kills, when told to.
func TestMain(m *testing.M) {
	if path := os.Getenv(writerPath); path != "" {
		writeUntilKilled(path)
		return
	}
	os.Exit(m.Run())
}

// place is a path for new records.
func place(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "csph.db")
}

// opened opens the records at path and closes them at the end of the test.
func opened(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), path)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// started opens new records, bootstraps them and makes a service.
func started(t testing.TB) (*DB, platform.Service) {
	t.Helper()
	db := opened(t, place(t))
	return db, firstService(t, db)
}

func firstService(t testing.TB, db *DB) platform.Service {
	t.Helper()
	_, err := db.Bootstrap(t.Context(), func(string) error { return nil })
	must(t, err)
	accounts, err := db.Accounts(t.Context())
	must(t, err)
	s, err := db.CreateService(t.Context(), accounts[0].ID, "web", platform.Service{})
	must(t, err)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
