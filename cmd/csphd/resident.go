package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// shed lets go of the pages of the program that only its start needed: initialisation touches most of the binary. What
// is needed again comes back from the page cache, 64 KB at a time. It touches nothing that is written to, and does
// nothing in a program that is relocated when it is loaded: there, pages that look untouched are not as in the file.
func shed() error {
	if info, ok := debug.ReadBuildInfo(); !ok || !slices.Contains(info.Settings, debug.BuildSetting{Key: "-buildmode", Value: "exe"}) {
		return nil
	}
	self, err := procfs.Self()
	if err != nil {
		return fmt.Errorf("open /proc/self: %w", err)
	}
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	maps, err := self.ProcMaps()
	if err != nil {
		return fmt.Errorf("read the memory map: %w", err)
	}
	for _, m := range maps {
		if m.Pathname != exe || m.Perms.Write {
			continue
		}
		if err := adviseUnneeded(m.StartAddr, m.EndAddr); err != nil {
			return fmt.Errorf("let go of pages of the program: %w", err)
		}
	}
	return nil
}

// adviseUnneeded is madvise(2) with MADV_DONTNEED, on memory that is not Go's own.
func adviseUnneeded(start, end uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_DONTNEED); errno != 0 {
		return errno
	}
	return nil
}
