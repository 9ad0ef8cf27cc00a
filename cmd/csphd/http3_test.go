package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestTheKeyOfQUICsResetsOutlivesCsphdAndIsItsOwnersAlone(t *testing.T) {
	state := t.TempDir()
	first, err := resetKey(state)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := resetKey(state); err != nil || *again != *first || bytes.Count(first[:], []byte{0}) == len(first) {
		t.Errorf("after %x came %x, %v", first, again, err)
	}
	path := filepath.Join(state, "quic.key")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if other, err := resetKey(t.TempDir()); err != nil || *other == *first {
		t.Errorf("another csphd has %x, %v", other, err)
	}
	if err := os.WriteFile(path, first[:31], 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := resetKey(state); err == nil {
		t.Errorf("31 bytes were taken for %x", key)
	}
}
