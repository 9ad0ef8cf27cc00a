package bare

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"csph/durable"
)

// newPrefix starts the names of repositories that are being made.
const newPrefix = ".new-"

// homeConfig is the only configuration that git reads beside a repository's own: the host's and its
// users' are shut out by the environment (see gitProgram.environment). Every object is checked
// whatever brings it, nothing that another system would take for .git is checked out, no hook runs.
const homeConfig = `[core]
	hooksPath = /dev/null
	protectNTFS = true
	protectHFS = true
	fsync = objects,derived-metadata,reference
	filesRefLockTimeout = 10000
	packedRefsTimeout = 10000
	autocrlf = false
	bigFileThreshold = 32m
[safe]
	directory = *
[transfer]
	fsckObjects = true
[gc]
	autoDetach = false
	autoPackLimit = 30
	pruneExpire = 1.day.ago
	reflogExpire = now
[pack]
	windowMemory = 64m
[maintenance]
	auto = false
[checkout]
	workers = 4
[submodule]
	recurse = false
[protocol]
	allow = never
`

const repositoryConfig = `[core]
	repositoryformatversion = 0
	bare = true
	filemode = true
	symlinks = true
	logAllRefUpdates = false
`

// createBare makes an empty bare repository at dir, by building it aside and renaming it; one that
// is already there stays as it is.
func createBare(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	aside, err := os.MkdirTemp(filepath.Dir(dir), newPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	for _, sub := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(aside, sub), 0o700); err != nil {
			return err
		}
	}
	if err := durable.Replace(filepath.Join(aside, "config"), []byte(repositoryConfig), 0o600); err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(aside, "HEAD"), []byte("ref: refs/heads/main\n"), 0o600); err != nil {
		return err
	}
	if err := os.Rename(aside, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return durable.SyncDir(filepath.Dir(dir))
}

// sweepLocks removes git's lock and temporary files from a repository that nobody uses.
func sweepLocks(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && len(name) == 2 && filepath.Base(filepath.Dir(path)) == "objects":
			return filepath.SkipDir // loose objects: many files, and no locks
		case entry.IsDir():
			return nil
		case strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") || name == "gc.pid":
			return os.Remove(path)
		}
		return nil
	})
}
