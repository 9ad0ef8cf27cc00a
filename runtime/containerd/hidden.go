package containerd

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"csph/logs"
)

// hidden puts the values that a spherelet's log may not have where csph-log, and nobody but root, reads them at its start: into
// memory without a name, not into its arguments, which every process of the machine sees, and not onto the disk. path is ""
// where there are none; release gives the memory up, and is never nil.
func (j *job) hidden() (path string, release func(), err error) {
	var values []string
	for _, name := range j.set.Secret {
		if v := j.set.Env[name]; v != "" {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return "", func() {}, nil
	}
	fd, err := unix.MemfdCreate("csph-log", unix.MFD_CLOEXEC)
	if err != nil {
		return "", func() {}, fmt.Errorf("make memory for what the log of %s may not have: %w", j.id, err)
	}
	f := os.NewFile(uintptr(fd), "csph-log")
	if _, err := f.WriteString(strings.Join(logs.Forms(values...), "\x00")); err != nil {
		return "", func() {}, fmt.Errorf("write down what the log of %s may not have: %w", j.id, errors.Join(err, f.Close()))
	}
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd), func() { _ = f.Close() }, nil // there is nothing that could be lost
}
