package buildpacks

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxManifest bounds how much of one file detection reads; manifests are far smaller.
const maxManifest = 4 << 20

// maxEntries bounds how many directory entries one walk of a source visits.
const maxEntries = 200_000

// source is the tree being looked at, with reads that are bounded.
type source struct{ fs.FS }

// read returns the content of a regular file, and false where there is none. A file over maxManifest is an error.
func (s source) read(name string) ([]byte, bool, error) {
	if !s.isFile(name) {
		return nil, false, nil
	}
	f, err := s.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, false, fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > maxManifest {
		return nil, false, fmt.Errorf("read %s: larger than %d MB", name, maxManifest>>20)
	}
	return b, true, nil
}

// text is read for files that only refine a plan: what cannot be read counts as absent.
func (s source) text(name string) string {
	b, _, err := s.read(name)
	if err != nil {
		return ""
	}
	return string(b)
}

func (s source) isFile(name string) bool {
	info, err := fs.Stat(s.FS, name)
	return err == nil && info.Mode().IsRegular()
}

func (s source) isDir(name string) bool {
	info, err := fs.Stat(s.FS, name)
	return err == nil && info.IsDir()
}

// first returns the first of names that is a regular file, or "".
func (s source) first(names ...string) string {
	for _, name := range names {
		if s.isFile(name) {
			return name
		}
	}
	return ""
}

// present keeps those of names that are regular files or folders, in order.
func (s source) present(names ...string) []string {
	var found []string
	for _, name := range names {
		if fs.ValidPath(name) && (s.isFile(name) || s.isDir(name)) && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}

// list names what is in a folder, folders with a trailing slash; nil where it cannot be read.
func (s source) list(dir string) []string {
	entries, err := fs.ReadDir(s.FS, dir)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	return names
}

// neverSource are folders that hold no source of the app itself.
var neverSource = []string{".git", ".hg", ".svn", "node_modules", "vendor", "testdata"}

// walk calls visit for every file below dir, with its path in the source; visit returns false to stop.
// Folders for which enter is false are left out, and so are those that hold no source.
func (s source) walk(dir string, enter func(dir string) bool, visit func(name string) bool) {
	seen := 0
	_ = fs.WalkDir(s.FS, dir, func(name string, e fs.DirEntry, err error) error {
		if seen++; seen > maxEntries {
			return fs.SkipAll
		}
		if err != nil {
			return skipUnreadable(e)
		}
		if e.IsDir() {
			if name != dir && (slices.Contains(neverSource, e.Name()) || !enter(name)) {
				return fs.SkipDir
			}
			return nil
		}
		if !visit(name) {
			return fs.SkipAll
		}
		return nil
	})
}

func skipUnreadable(e fs.DirEntry) error {
	if e != nil && e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// depth is the number of folders above a path: 0 at the root of the source.
func depth(name string) int { return strings.Count(path.Clean(name), "/") }
