package durable_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"csph/durable"
)

func TestAFileIsReplacedAsAWholeAndNothingElseIsLeftInItsFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	for _, content := range []string{"the first, which is longer", "the second"} {
		if err := durable.Replace(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("the folder holds %v, %v", all, err)
	}
}

func TestWhatCannotBeReplacedIsLeftAsItWas(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key") // a folder: nothing can be renamed onto it
	if err := os.MkdirAll(filepath.Join(path, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(path, []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 || !all[0].IsDir() {
		t.Errorf("the folder holds %v, %v", all, err)
	}
	if err := durable.Replace(filepath.Join(dir, "no", "key"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its folder: %v", err)
	}
}

func TestWritersOfTheSameFileTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var group errgroup.Group
	for i := range 8 {
		group.Go(func() error { return durable.Replace(path, bytes.Repeat([]byte{byte('a' + i)}, 100_000), 0o600) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 100_000 || len(bytes.Trim(got, string(got[:1]))) > 0 {
		t.Errorf("%d bytes of several writers, %v", len(got), err)
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("the folder holds %v, %v", all, err)
	}
}
