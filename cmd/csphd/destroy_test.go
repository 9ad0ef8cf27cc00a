package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheSocketsOfKilledShimsAreRemovedAndNoOthers(t *testing.T) {
	state, elsewhere := t.TempDir(), t.TempDir()
	for _, name := range []string{"of-one", "of-two", "of-somebody"} {
		putFile(t, filepath.Join(elsewhere, name), "")
	}
	bundles := filepath.Join(state, "containerd", "run", "io.containerd.runtime.v2.task", "csph")
	putFile(t, filepath.Join(bundles, "sph_1", "bootstrap.json"), `{"version":3,"address":"unix://`+elsewhere+`/of-one","protocol":"ttrpc"}`)
	putFile(t, filepath.Join(bundles, "sph_2", "bootstrap.json"), `{"version":3,"address":"unix://`+elsewhere+`/of-two","protocol":"ttrpc"}`)
	putFile(t, filepath.Join(bundles, "sph_3", "bootstrap.json"), `{"version":3,"address":"unix://`+elsewhere+`/gone","protocol":"ttrpc"}`)
	putFile(t, filepath.Join(bundles, "sph_4", "config.json"), "{}")
	if err := removeShimSockets(state); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(elsewhere)
	if err != nil || len(left) != 1 || left[0].Name() != "of-somebody" {
		t.Errorf("left are %v, %v", left, err)
	}
}

func putFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
