package bare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"csph/durable"
	"csph/platform"
)

// Limits bound what one push may cost.
type Limits struct {
	Pack     int64 // bytes of a pack as sent; default 2 GiB
	Memory   int64 // bytes of memory of a process that indexes a pack; default 2 GiB
	Checkout int64 // bytes of the files of a deployed commit; default 10 GiB
	Files    int   // files of a deployed commit; default 1,000,000
}

// WithDefaults fills what is zero.
func (l Limits) WithDefaults() Limits {
	set := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	set(&l.Pack, 2<<30)
	set(&l.Memory, 2<<30)
	set(&l.Checkout, 10<<30)
	if l.Files == 0 {
		l.Files = 1_000_000
	}
	return l
}

// Store is a folder of bare repositories, one for each service, and the folder of their checkouts.
type Store struct {
	repositories string
	sources      string
	limits       Limits
	backend      backend
}

// Open prepares the two folders, and sweeps what a killed process left in them. git is the path of
// the git program; with "" go-git does its work.
func Open(repositories, sources, git string, limits Limits) (*Store, error) {
	s := &Store{repositories: repositories, sources: sources, limits: limits.WithDefaults()}
	for _, dir := range []string{repositories, sources, s.home()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make folder of repositories: %w", err)
		}
	}
	if err := s.sweep(); err != nil {
		return nil, fmt.Errorf("sweep repositories: %w", err)
	}
	if err := durable.Replace(filepath.Join(s.home(), ".gitconfig"), []byte(homeConfig), 0o600); err != nil {
		return nil, fmt.Errorf("write git configuration: %w", err)
	}
	if err := createBare(s.emptyDir()); err != nil {
		return nil, fmt.Errorf("create empty repository: %w", err)
	}
	s.backend = newGoGit(s.limits)
	if git != "" {
		s.backend = &gitProgram{path: git, home: s.home(), limits: s.limits}
	}
	return s, nil
}

// Thin reports whether thin packs are understood.
func (s *Store) Thin() bool { return s.backend.thin() }

var serviceID = regexp.MustCompile(`^[a-z0-9]+_?[a-z0-9]+$`)

// Repository returns the repository of a service, by its id; platform.ErrNotFound before the first push.
func (s *Store) Repository(service string) (*Repository, error) {
	if !serviceID.MatchString(service) {
		return nil, fmt.Errorf("%w: service id %q", platform.ErrInvalid, service)
	}
	r := &Repository{store: s, dir: filepath.Join(s.repositories, service+".git")}
	if _, err := os.Stat(r.dir); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("repository of %s: %w", service, platform.ErrNotFound)
	} else if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	return r, nil
}

// Create makes the repository of a service unless it is there, whole or not at all.
func (s *Store) Create(service string) (*Repository, error) {
	if r, err := s.Repository(service); !errors.Is(err, platform.ErrNotFound) {
		return r, err
	}
	if err := createBare(filepath.Join(s.repositories, service+".git")); err != nil {
		return nil, fmt.Errorf("create repository: %w", err)
	}
	return s.Repository(service)
}

// Empty returns a repository that has nothing and stays so: it stands for a service that is not there yet.
func (s *Store) Empty() *Repository { return &Repository{store: s, dir: s.emptyDir()} }

func (s *Store) home() string          { return filepath.Join(s.repositories, ".home") }
func (s *Store) emptyDir() string      { return filepath.Join(s.repositories, ".empty.git") }
func (s *Store) quarantineDir() string { return filepath.Join(s.repositories, ".quarantine") }

// sweep removes what only a process that was killed can have left: quarantines, half-made
// repositories, and lock files. Nothing else runs on these folders yet.
func (s *Store) sweep() error {
	if err := os.RemoveAll(s.quarantineDir()); err != nil {
		return err
	}
	if err := os.Mkdir(s.quarantineDir(), 0o700); err != nil {
		return err
	}
	unfinished, err := filepath.Glob(filepath.Join(s.repositories, newPrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range unfinished {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return s.sweepLocks()
}

func (s *Store) sweepLocks() error {
	dirs, err := filepath.Glob(filepath.Join(s.repositories, "*.git"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := sweepLocks(dir); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes the repository of a service and its checkout.
func (s *Store) Delete(_ context.Context, service string) error {
	r, err := s.Repository(service)
	if err == nil {
		err = os.RemoveAll(r.dir)
	}
	if err != nil && !errors.Is(err, platform.ErrNotFound) {
		return fmt.Errorf("delete repository: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(s.sources, service)); err != nil {
		return fmt.Errorf("delete checkout: %w", err)
	}
	return nil
}
