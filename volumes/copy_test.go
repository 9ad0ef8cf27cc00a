package volumes

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rooted(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("owners can be changed by root only")
	}
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func stat(t testing.TB, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	return info.Sys().(*syscall.Stat_t)
}

func TestACopyIsLikeWhatWasCopied(t *testing.T) {
	rooted(t)
	from, to := t.TempDir(), t.TempDir()
	file := write(t, filepath.Join(from, "a/b/file"), "text")
	must(t, os.Chown(file, 1000, 1001))
	must(t, os.Chmod(file, 0o640|fs.ModeSetuid))
	must(t, unix.Setxattr(file, "user.colour", []byte("red"), 0))
	must(t, os.Link(file, filepath.Join(from, "second-name")))
	must(t, os.Symlink("/etc/passwd", filepath.Join(from, "link")))
	must(t, os.Lchown(filepath.Join(from, "link"), 7, 8))
	must(t, unix.Mkfifo(filepath.Join(from, "pipe"), 0o600))
	must(t, unix.Mknod(filepath.Join(from, "device"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	must(t, os.Chmod(filepath.Join(from, "a"), 0o700|fs.ModeSticky))
	old := time.Unix(1000, 5)
	for _, path := range []string{file, filepath.Join(from, "a/b"), from} {
		must(t, os.Chtimes(path, old, old))
	}
	must(t, copyTree(t.Context(), from, to))

	for _, name := range []string{".", "a", "a/b", "a/b/file", "link", "pipe", "second-name"} {
		a, b := stat(t, filepath.Join(from, name)), stat(t, filepath.Join(to, name))
		if a.Mode != b.Mode || a.Uid != b.Uid || a.Gid != b.Gid || a.Mtim != b.Mtim || a.Nlink != b.Nlink {
			t.Errorf("%s is %+v, the copy %+v", name, a, b)
		}
	}
	if target, err := os.Readlink(filepath.Join(to, "link")); err != nil || target != "/etc/passwd" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if _, err := os.Lstat(filepath.Join(to, "device")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the device was copied: %v", err)
	}
	if stat(t, filepath.Join(to, "second-name")).Ino != stat(t, filepath.Join(to, "a/b/file")).Ino {
		t.Error("the two names are of two files")
	}
	value := make([]byte, 10)
	if n, err := unix.Getxattr(filepath.Join(to, "a/b/file"), "user.colour", value); err != nil || string(value[:n]) != "red" {
		t.Errorf("attribute %q, %v", value[:n], err)
	}
}

func TestHolesStayHoles(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	f, err := os.Create(filepath.Join(from, "sparse"))
	must(t, err)
	const size = 1 << 30
	_, err = f.WriteAt([]byte("middle"), size/2)
	must(t, errors.Join(err, f.Truncate(size), f.Close()))
	must(t, copyTree(t.Context(), from, to))
	if got := stat(t, filepath.Join(to, "sparse")); got.Size != size || got.Blocks*blockSize > 1<<20 {
		t.Fatalf("the copy has %d bytes and takes %d", got.Size, got.Blocks*blockSize)
	}
	f, err = os.Open(filepath.Join(to, "sparse"))
	must(t, err)
	defer f.Close()
	text := make([]byte, 8)
	if _, err := f.ReadAt(text, size/2-1); err != nil || !bytes.Equal(text, []byte("\x00middle\x00")) {
		t.Errorf("it reads %q, %v", text, err)
	}
}

// TestWhatHasBecomeALinkOrAPipeIsNotOpened is what the copy relies on when a name changes after it was looked at.
func TestWhatHasBecomeALinkOrAPipeIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "folder/file"), "of the host")
	must(t, os.Symlink("folder/file", filepath.Join(dir, "to-file")))
	must(t, os.Symlink("folder", filepath.Join(dir, "to-folder")))
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	in, err := openDir(unix.AT_FDCWD, dir)
	must(t, err)
	defer in.Close()
	if f, _, err := openFile(int(in.Fd()), "to-file"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link to a file: %v, %v", f, err)
	}
	if f, err := openDir(int(in.Fd()), "to-folder"); !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link to a folder: %v, %v", f, err)
	}
	if f, _, err := openFile(int(in.Fd()), "pipe"); f != nil || err != nil {
		t.Errorf("a pipe: %v, %v", f, err)
	}
}

// TestNothingOfTheHostGetsIntoACopy changes names, while they are copied, between a file, a folder, a pipe and links to
// what an app must not see.
func TestNothingOfTheHostGetsIntoACopy(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret"), "of the host")
	from := t.TempDir()
	stop := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := filepath.Join(from, "name")
			_ = os.RemoveAll(name)
			switch i % 5 {
			case 0:
				_ = os.Symlink(outside, name)
			case 1:
				_ = os.Mkdir(name, 0o755)
				_ = os.WriteFile(filepath.Join(name, "own"), []byte("own"), 0o644)
			case 2:
				_ = os.Symlink(filepath.Join(outside, "secret"), name)
			case 3:
				_ = os.WriteFile(name, []byte("own"), 0o644)
			case 4:
				_ = unix.Mkfifo(name, 0o644)
			}
		}
	})
	defer changing.Wait()
	defer close(stop)
	for range 500 {
		to := filepath.Join(t.TempDir(), "copy")
		must(t, os.Mkdir(to, 0o755))
		must(t, copyTree(t.Context(), from, to))
		must(t, filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if strings.Contains(string(text), "host") {
				t.Errorf("%s has %q", path, text)
			}
			return err
		}))
		must(t, os.RemoveAll(to))
	}
}

func TestFoldersThatLieTooDeepAreRefusedAndNotHalfCopied(t *testing.T) {
	from := t.TempDir()
	dir := from
	for range deepest + 3 {
		dir = filepath.Join(dir, "d")
		must(t, os.Mkdir(dir, 0o755))
	}
	if err := copyTree(t.Context(), from, t.TempDir()); err == nil || !strings.Contains(err.Error(), "deeper") {
		t.Errorf("%v", err)
	}
}

func TestACopyEndsWithItsContext(t *testing.T) {
	from := t.TempDir()
	write(t, filepath.Join(from, "file"), "text")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := copyTree(ctx, from, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
