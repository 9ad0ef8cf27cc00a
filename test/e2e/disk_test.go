package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// TestFullDisk runs a csphd whose state is on a small file system of its own, which its script fills up.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("starts containers")
	}
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	state, err := os.MkdirTemp("/tmp", "csph-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("csph-small", state, "tmpfs", 0, "size=1200m"); err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(state, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount the small disk: %v", err)
		}
		if err := os.Remove(state); err != nil {
			t.Error(err)
		}
	})
	config := filepath.Join(t.TempDir(), "csphd.yaml")
	if err := os.WriteFile(config, []byte("warm_bases: false\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	runScripts(t, "testdata/disk", startServer(t, bin, state, "--config", config))
}

// fill MB: leaves so many megabytes free on the disk of the state folder. unfill: gives the rest back.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fill MB")
	}
	leave, err := strconv.ParseUint(args[0], 10, 32)
	ts.Check(err)
	var fs unix.Statfs_t
	ts.Check(unix.Statfs(ts.Getenv("STATE"), &fs))
	free := fs.Bavail * uint64(fs.Bsize)
	if free <= leave<<20 {
		return
	}
	f, err := os.Create(filler(ts))
	ts.Check(err)
	defer f.Close()
	ts.Check(syscall.Fallocate(int(f.Fd()), 0, 0, int64(free-leave<<20)))
}

func unfill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: unfill")
	}
	ts.Check(os.Remove(filler(ts)))
}

func filler(ts *testscript.TestScript) string { return filepath.Join(ts.Getenv("STATE"), "filler") }
