package volumes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// file copies a regular file, or links to the copy of another name of it.
func (c *copier) file(src, dst int, name, at string, st unix.Stat_t) error {
	key := inode{st.Dev, st.Ino}
	if first, ok := c.links[key]; ok && unix.Linkat(c.root, first, dst, name, 0) == nil {
		return nil
	}
	from, st, err := openFile(src, name)
	if err != nil || from == nil {
		return unlessChanged(at, err)
	}
	defer from.Close()
	fd, err := unix.Openat(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("copy %s: %w", at, err)
	}
	to := os.NewFile(uintptr(fd), name)
	err = c.content(from, to, st.Size)
	if err == nil {
		err = dress(int(from.Fd()), fd, at, st)
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", at, err)
	}
	if st.Nlink > 1 {
		c.links[inode{st.Dev, st.Ino}] = at
	}
	return nil
}

// openFile opens what is, still, a regular file; nil for anything else. It never waits, as it would for a pipe.
func openFile(dir int, name string) (*os.File, unix.Stat_t, error) {
	var st unix.Stat_t
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, st, err
	}
	f := os.NewFile(uintptr(fd), name)
	if err = unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, st, errors.Join(err, f.Close())
	}
	return f, st, nil
}

// content copies the first size bytes of a file, without its holes.
func (c *copier) content(from, to *os.File, size int64) error {
	if unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil {
		return nil
	}
	if err := to.Truncate(size); err != nil {
		return err
	}
	for at := int64(0); at < size; {
		begin, err := unix.Seek(int(from.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // only a hole is left, or somebody has shortened it
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(int(from.Fd()), begin, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if at = min(end, size); at <= begin {
			return nil
		}
		if err := c.stretch(from, to, begin, at); err != nil {
			return err
		}
	}
	return nil
}

// stretch copies the bytes from begin to end, in pieces: between two of them it can be stopped.
func (c *copier) stretch(from, to *os.File, begin, end int64) error {
	const piece = 16 << 20
	_, err := from.Seek(begin, io.SeekStart)
	if err == nil {
		_, err = to.Seek(begin, io.SeekStart)
	}
	for at := begin; at < end && err == nil; at += piece {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		_, err = io.CopyN(to, from, min(piece, end-at))
	}
	if errors.Is(err, io.EOF) {
		return nil // somebody has shortened it
	}
	return err
}

// dress gives a copy the owner, attributes, mode and times of what it is a copy of; the mode comes behind the owner, whose
// change takes set-user-ID away.
func dress(src, dst int, at string, st unix.Stat_t) error {
	err := unix.Fchown(dst, int(st.Uid), int(st.Gid))
	if err == nil {
		err = copyAttributes(src, dst)
	}
	if err == nil {
		err = unix.Fchmod(dst, st.Mode&0o7777)
	}
	if err == nil {
		err = unix.UtimesNanoAt(dst, "", []unix.Timespec{st.Atim, st.Mtim}, unix.AT_EMPTY_PATH)
	}
	if err != nil {
		return fmt.Errorf("copy the owner and mode of %s: %w", at, err)
	}
	return nil
}

// copyAttributes copies the extended attributes that apps can have set: their own, access lists and capabilities.
func copyAttributes(src, dst int) error {
	size, err := unix.Flistxattr(src, nil)
	if size == 0 || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	list := make([]byte, size+1024)
	if err == nil {
		size, err = unix.Flistxattr(src, list)
	}
	if err != nil {
		return fmt.Errorf("list attributes: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list[:size]), "\x00"), "\x00") {
		if !strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "system.posix_acl_") && name != "security.capability" {
			continue
		}
		value := make([]byte, 64<<10) // the most that Linux has (xattr(7))
		n, err := unix.Fgetxattr(src, name, value)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err == nil {
			err = unix.Fsetxattr(dst, name, value[:n], 0)
		}
		if err != nil {
			return fmt.Errorf("copy attribute %s: %w", name, err)
		}
	}
	return nil
}
