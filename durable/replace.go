package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Replace puts content in the place of the file path. A reader, a crash or a power cut sees the old content or
// the new one, and the new one from the moment that Replace has returned nil. The folder has to exist; mode is
// the file's, whatever the umask. It blocks for two writes to the disk, and for whoever else is replacing the same file.
//
// A process that is killed in it leaves the new content beside the file, under one name, which the next call takes: secrets do
// not pile up there.
func Replace(path string, content []byte, mode fs.FileMode) error {
	f, err := beside(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = f.Truncate(0) // what a killed process has left
	if err == nil {
		_, err = f.Write(content)
	}
	if err = errors.Join(err, f.Chmod(mode), f.Sync()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	if err = errors.Join(err, f.Close()); err != nil { // gives the lock up
		return fmt.Errorf("write %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// beside opens the file that path's new content is written to, and locks it against other writers.
func beside(path string) (*os.File, error) {
	for name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new"); ; {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		mine, err := locked(f, name)
		if mine {
			return f, nil
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
}

// locked waits for the lock of f, and reports whether f is still what name is: who had the lock before has renamed it.
func locked(f *os.File, name string) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	for errors.Is(err, syscall.EINTR) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return false, err
	}
	at, err := f.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(at, now), err
}

// SyncDir makes the names in dir durable: what was renamed, made or removed in it stays so.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
