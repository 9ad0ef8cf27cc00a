package volumes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// deepest is how many folders may be in one another: each level keeps two files open while it is copied.
const deepest = 400

// copier copies a tree that somebody else may be changing. It opens each name below the folder that it was read from and
// follows no link, so that it never leaves the tree.
type copier struct {
	ctx   context.Context
	root  int              // the copy
	links map[inode]string // where the first name of a file with several is, below root
}

type inode struct{ dev, ino uint64 }

// copyTree copies what is in the folder from, and the folder's own owner, mode and times, to an empty folder: files with
// holes keep them, names of one file stay that, and where the file system can, content is shared (FICLONE). Device
// nodes are left out: a volume is mounted without. It is not synced.
func copyTree(ctx context.Context, from, to string) error {
	src, err := openDir(unix.AT_FDCWD, from)
	if err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	defer src.Close()
	dst, err := openDir(unix.AT_FDCWD, to)
	if err != nil {
		return fmt.Errorf("copy to %s: %w", to, err)
	}
	defer dst.Close()
	c := &copier{ctx: ctx, root: int(dst.Fd()), links: map[inode]string{}}
	return c.dir(src, dst, "")
}

func openDir(at int, name string) (*os.File, error) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// dir copies what is in src to dst, which is at the path at below the root, then what src itself is like.
func (c *copier) dir(src, dst *os.File, at string) error {
	if depth(at) > deepest {
		return fmt.Errorf("%s: folders lie deeper in one another than %d", at, deepest)
	}
	const batch = 1000
	for {
		names, err := src.Readdirnames(batch)
		for _, name := range names {
			if c.ctx.Err() != nil {
				return context.Cause(c.ctx)
			}
			if err := c.entry(int(src.Fd()), int(dst.Fd()), name, filepath.Join(at, name)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ENOENT) { // the folder itself was removed meanwhile
			break
		}
		if err != nil {
			return fmt.Errorf("read folder %s: %w", at, err)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		return fmt.Errorf("read folder %s: %w", at, err)
	}
	return dress(int(src.Fd()), int(dst.Fd()), at, st)
}

func depth(path string) (n int) {
	for _, r := range path {
		if r == filepath.Separator {
			n++
		}
	}
	return n
}

// entry copies one name of a folder. One that has vanished, or become something else, since it was read is left out.
func (c *copier) entry(src, dst int, name, at string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(src, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return unlessChanged(at, err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return c.folder(src, dst, name, at)
	case unix.S_IFREG:
		return c.file(src, dst, name, at, st)
	case unix.S_IFLNK:
		return link(src, dst, name, at, st)
	case unix.S_IFIFO, unix.S_IFSOCK:
		if err := unix.Mknodat(dst, name, st.Mode, 0); err != nil {
			return fmt.Errorf("copy %s: %w", at, err)
		}
		return own(dst, name, at, st)
	}
	return nil
}

// unlessChanged is nil for the errors that say that something is no longer what it was.
func unlessChanged(at string, err error) error {
	if err == nil || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENXIO) {
		return nil
	}
	return fmt.Errorf("copy %s: %w", at, err)
}

func (c *copier) folder(src, dst int, name, at string) error {
	from, err := openDir(src, name)
	if err != nil {
		return unlessChanged(at, err)
	}
	defer from.Close()
	if err := unix.Mkdirat(dst, name, 0o700); err != nil {
		return fmt.Errorf("copy %s: %w", at, err)
	}
	to, err := openDir(dst, name)
	if err != nil {
		return fmt.Errorf("copy %s: %w", at, err)
	}
	defer to.Close()
	return c.dir(from, to, at)
}

func link(src, dst int, name, at string, st unix.Stat_t) error {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(src, name, target)
	if err != nil {
		return unlessChanged(at, err)
	}
	if err := unix.Symlinkat(string(target[:n]), dst, name); err != nil {
		return fmt.Errorf("copy %s: %w", at, err)
	}
	return own(dst, name, at, st)
}

// own gives what is no file and no folder its owner and times.
func own(dst int, name, at string, st unix.Stat_t) error {
	err := unix.Fchownat(dst, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
	if err == nil {
		err = unix.UtimesNanoAt(dst, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		return fmt.Errorf("copy the owner of %s: %w", at, err)
	}
	return nil
}
