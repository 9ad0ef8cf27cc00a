package builder

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"csph/host"
)

// scratchDir is where buildkitd mounts what it works on. It is below the state folder, so that what a
// killed buildkitd leaves mounted is found again: a forgotten mount keeps its snapshot's disk for good.
func (c Config) scratchDir() string { return filepath.Join(c.buildkitDir(), "tmp") }

// sweepScratch unmounts and removes what an earlier buildkitd left in its scratch folder. Nothing is
// being built.
func (c Config) sweepScratch() error {
	mounts, err := host.MountsUnder(c.scratchDir())
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(mounts) {
		if err := unix.Unmount(m, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount %s of an earlier buildkitd: %w", m, err)
		}
	}
	left, err := os.ReadDir(c.scratchDir())
	if err != nil {
		return fmt.Errorf("read the scratch folder of buildkitd: %w", err)
	}
	for _, e := range left {
		// A mount point that is busy stays for the next start; RemoveAll would empty what it mounts.
		if err := os.Remove(filepath.Join(c.scratchDir(), e.Name())); err != nil && !e.IsDir() {
			return fmt.Errorf("clear the scratch folder of buildkitd: %w", err)
		}
	}
	return nil
}
