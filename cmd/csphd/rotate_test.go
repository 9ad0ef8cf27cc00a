package main

import (
	"os"
	"path/filepath"
	"testing"

	"csph/platform"
	"csph/store"
)

// records opens the records of a state folder, with the key for secrets.
func records(t *testing.T, state string) *store.DB {
	t.Helper()
	db, err := openRecords(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestARotatedKeyReadsTheSecretsAndTheOldOneNothing(t *testing.T) {
	state := t.TempDir()
	db := records(t, state)
	accounts, err := db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	svc, err := db.CreateService(t.Context(), accounts[0].ID, "web", platform.Service{})
	if err != nil {
		t.Fatal(err)
	}
	version, err := db.KeepSecret(t.Context(), svc.ID, "KEY", "hunter2", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rotateKey(t.Context(), state); err == nil {
		t.Error("the key was rotated while the records are open")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join(state, secretsKey))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := rotateKey(t.Context(), state); err != nil || n != 1 {
		t.Fatalf("%d values, %v", n, err)
	}
	read := func() (map[string]string, error) {
		db := records(t, state)
		defer db.Close()
		return db.SecretValues(t.Context(), svc.ID, map[string]int64{"KEY": version})
	}
	if values, err := read(); err != nil || values["KEY"] != "hunter2" {
		t.Errorf("with the new key: %v, %v", values, err)
	}
	if err := os.WriteFile(filepath.Join(state, secretsKey), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if values, err := read(); err == nil {
		t.Errorf("with the old key: %v", values)
	}
}
