package store_test

import (
	"path/filepath"
	"testing"

	"csph/store"
	"csph/store/storetest"
)

func TestRecords(t *testing.T) {
	storetest.TestRecords(t, func(t *testing.T) storetest.Records { return open(t) })
}

func TestBus(t *testing.T) {
	storetest.TestBus(t, func(t *testing.T) storetest.Bus { return open(t) })
}

// open opens new records that are closed at the end of the test.
func open(t testing.TB) *store.DB {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "csph.db"))
}

// reopen opens the records at path and closes them, whole, at the end of the test.
func reopen(t testing.TB, path string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
