package bare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
)

// Submodule is a repository within a repository, as its commit says.
type Submodule struct {
	Path   string // in the commit's tree
	URL    string // as .gitmodules has it; it may be relative
	Commit plumbing.Hash
}

const maxModules = 1 << 20 // bytes of .gitmodules

// Submodules lists the submodules of a commit that was inspected, by path. One that .gitmodules does not name has no URL.
func (q *Quarantine) Submodules(ctx context.Context, commit plumbing.Hash) ([]Submodule, error) {
	var all []Submodule
	var list []file
	err := q.store.backend.walk(ctx, q.view(), commit, func(f file) error {
		switch {
		case f.mode == modeSubmodule:
			all = append(all, Submodule{Path: f.path, Commit: f.id})
		case f.path == ".gitmodules" && f.mode != modeSymlink && f.size <= maxModules:
			list = append(list, f)
		}
		return nil
	})
	if err != nil || len(all) == 0 || len(list) == 0 {
		return all, err
	}
	err = q.store.backend.contents(ctx, q.view(), ids(list), maxModules, func(_ int, content []byte) error { return address(all, content) })
	if err != nil {
		return nil, &TreeError{Path: ".gitmodules", Err: err}
	}
	return all, nil
}

// address gives submodules the URLs that a .gitmodules file has for them.
func address(all []Submodule, content []byte) error {
	named := config.NewModules()
	if err := named.Unmarshal(content); err != nil {
		return err
	}
	for i := range all {
		for _, m := range named.Submodules {
			if strings.TrimSuffix(m.Path, "/") == all[i].Path {
				all[i].URL = m.URL
			}
		}
	}
	return nil
}

// Module makes the files of a commit present in the folder of one submodule of a service, as Checkout does for the
// service itself, and returns it. name is the submodule's, of letters and digits.
func (q *Quarantine) Module(ctx context.Context, service, name string, commit plumbing.Hash) (string, error) {
	if !serviceID.MatchString(service) || !filepath.IsLocal(name) {
		return "", fmt.Errorf("check out: unexpected submodule %q of service %q", name, service)
	}
	return q.checkoutAt(ctx, filepath.Join(q.store.sources, service, "modules", name), commit)
}

// embeddedList is the file beside a checkout that has the folders which Embed has filled.
const embeddedList = "embedded"

// embedding opens a service's checkout, once it is noted that at will be filled: whatever happens then, the next Checkout knows.
func (q *Quarantine) embedding(service, at string) (*os.Root, error) {
	dir := filepath.Join(q.store.sources, service)
	if err := noteEmbedded(filepath.Join(dir, embeddedList), at); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Join(dir, "tree"))
	if err != nil {
		return nil, fmt.Errorf("embed %s: %w", at, err)
	}
	return root, nil
}

// Embed copies the files of a submodule's checkout into the folder at of a service's checkout, in the place of what is there. They
// keep their mtime, and go with the next Checkout.
func (q *Quarantine) Embed(service, at, module string) error {
	root, err := q.embedding(service, at)
	if err != nil {
		return err
	}
	defer root.Close()
	err = root.RemoveAll(at)
	if err == nil {
		err = root.MkdirAll(at, 0o755)
	}
	if err == nil {
		err = fs.WalkDir(os.DirFS(module), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == "." {
				return err
			}
			return embedOne(root, filepath.Join(at, path), filepath.Join(module, path), d)
		})
	}
	if err != nil {
		return fmt.Errorf("embed %s: %w", at, err)
	}
	return nil
}

func embedOne(root *os.Root, to, from string, d fs.DirEntry) error {
	switch {
	case d.IsDir():
		return root.MkdirAll(to, 0o755)
	case d.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return root.Symlink(target, to)
	}
	return copyFile(root, to, from)
}

// copyFile copies a file with its mode and mtime.
func copyFile(root *os.Root, to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := root.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return root.Chtimes(to, info.ModTime(), info.ModTime())
}

// noteEmbedded adds a folder to the list before anything is put there.
func noteEmbedded(list, at string) error {
	f, err := os.OpenFile(list, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("note what is embedded: %w", err)
	}
	_, err = f.WriteString(at + "\x00")
	return errors.Join(err, f.Close())
}

// clearEmbedded removes what was embedded into the tree of a checkout: to git it is not there.
func clearEmbedded(list, tree string) error {
	text, err := os.ReadFile(list)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what is embedded: %w", err)
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return fmt.Errorf("clear what is embedded: %w", err)
	}
	defer root.Close()
	paths := slices.DeleteFunc(strings.Split(string(text), "\x00"), func(p string) bool { return p == "" })
	for _, path := range paths {
		if err := root.RemoveAll(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear what is embedded at %s: %w", path, err)
		}
	}
	return os.Remove(list)
}
