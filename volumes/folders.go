package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"csph/durable"
	"csph/platform"
)

// folders is the folder with all the others. Those whose name begins with a dot are not there for anybody else.
type folders struct{ dir string }

func (f folders) shown(id string) string  { return filepath.Join(f.dir, id) }
func (f folders) hidden(id string) string { return filepath.Join(f.dir, "."+id) }

// prepare makes the folder of all, where only root may go: in the others are files that belong to root, and may be run as
// root, of containers.
func (f folders) prepare() error {
	err := os.MkdirAll(f.dir, 0o700)
	if err == nil {
		err = os.Chmod(f.dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("make the folder of volumes: %w", err)
	}
	return nil
}

// begin makes a hidden folder, of a mode that no umask touches.
func (f folders) begin(id string, mode fs.FileMode) (string, error) {
	if err := f.prepare(); err != nil {
		return "", err
	}
	err := os.Mkdir(f.hidden(id), 0o700)
	if err == nil {
		err = os.Chmod(f.hidden(id), mode)
	}
	if err != nil {
		return "", fmt.Errorf("make the folder of %s: %w", id, err)
	}
	return f.hidden(id), nil
}

// sync makes durable what is in a folder; it may write what else is on that file system, too.
func (f folders) sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	if err := errors.Join(unix.Syncfs(int(d.Fd())), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// show takes the dot away from a folder, and hide puts it there; both are durable when they return.
func (f folders) show(id string) error { return f.rename(f.hidden(id), f.shown(id)) }
func (f folders) hide(id string) error { return f.rename(f.shown(id), f.hidden(id)) }

func (f folders) rename(from, to string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE); err != nil {
		return fmt.Errorf("rename %s: %w", from, err)
	}
	return durable.SyncDir(f.dir)
}

// exchange gives each of two folders the other's name, in one step.
func (f folders) exchange(a, b string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, f.shown(a), unix.AT_FDCWD, f.shown(b), unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("exchange %s and %s: %w", a, b, err)
	}
	return durable.SyncDir(f.dir)
}

// remove removes a hidden folder; one that is not there is no error.
func (f folders) remove(id string) error {
	if err := os.RemoveAll(f.hidden(id)); err != nil {
		return fmt.Errorf("remove the folder of %s: %w", id, err)
	}
	return nil
}

// size is what the files in a folder take on the disk, in bytes, each counted once. What vanishes meanwhile does not count.
func (f folders) size(ctx context.Context, id string) (sum int64, err error) {
	root, err := os.OpenRoot(f.shown(id))
	if err != nil {
		return 0, fmt.Errorf("measure %s: %w", id, err)
	}
	defer root.Close()
	linked := map[uint64]bool{}
	err = fs.WalkDir(root.FS(), ".", func(_ string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		st := info.Sys().(*syscall.Stat_t)
		if st.Nlink > 1 && !e.IsDir() {
			if linked[st.Ino] {
				return nil
			}
			linked[st.Ino] = true
		}
		sum += st.Blocks * blockSize
		return nil
	})
	return sum, err
}

const blockSize = 512 // of what stat(2) counts in

// roomFor refuses what would fill the disk.
func (f folders) roomFor(bytes int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(f.dir, &st); err != nil {
		return fmt.Errorf("ask for the free disk: %w", err)
	}
	const reserve = 512 << 20
	if free := int64(st.Bavail) * st.Bsize; bytes+reserve > free {
		return fmt.Errorf("%w: the copy takes up to %d MB, and of the %d MB that are free on the server %d are kept; delete snapshots or images that are not needed", platform.ErrCapacity, bytes>>20, free>>20, int64(reserve)>>20)
	}
	return nil
}

// names lists the folders, by what they are: shown or hidden. What has another name is not ours and left alone.
func (f folders) names() (shown, hidden []string, err error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("list the folders of volumes: %w", err)
	}
	for _, e := range entries {
		id, dotted := strings.CutPrefix(e.Name(), ".")
		switch {
		case !strings.HasPrefix(id, platform.VolumePrefix+"_") && !strings.HasPrefix(id, platform.SnapshotPrefix+"_"):
		case dotted:
			hidden = append(hidden, id)
		default:
			shown = append(shown, id)
		}
	}
	return shown, hidden, nil
}
