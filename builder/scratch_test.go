package builder

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"csph/host"
)

func TestMountsThatAKilledBuildkitdLeftAreUnmounted(t *testing.T) {
	if testing.Short() {
		t.Skip("mounts a file system")
	}
	c := Config{Host: &host.Instance{Dir: t.TempDir()}}
	left := filepath.Join(c.scratchDir(), "buildkit-mount1")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("csph-test", left, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	if err := c.sweepScratch(); err != nil {
		t.Fatal(err)
	}
	mounts, err := host.MountsUnder(c.scratchDir())
	if err != nil || len(mounts) != 0 {
		t.Errorf("still mounted: %v (%v)", mounts, err)
	}
	if entries, err := os.ReadDir(c.scratchDir()); err != nil || len(entries) != 0 {
		t.Errorf("still there: %v (%v)", entries, err)
	}
}
