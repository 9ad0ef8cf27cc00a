package tarball

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"csph/platform"
)

// ErrRefused is wrapped by the errors of archives that are broken or hostile.
var ErrRefused = errors.New("the archive is refused")

// ErrTooLarge is wrapped by the errors of archives that are over a limit.
var ErrTooLarge = errors.New("the archive is too large")

// Limits bound one archive. Zero fields mean the default.
type Limits struct {
	Packed   int64 // bytes as they arrive; 1 GiB
	Unpacked int64 // bytes of all files; 4 GiB
	Entries  int   // 400,000
	Contents int64 // bytes of what is kept for later uploads, of all services; 5 GiB
}

const (
	defaultPacked   = 1 << 30
	defaultUnpacked = 4 << 30
	defaultEntries  = 400_000
	defaultContents = 5 << 30
)

func (l Limits) filled() Limits {
	if l.Packed == 0 {
		l.Packed = defaultPacked
	}
	if l.Unpacked == 0 {
		l.Unpacked = defaultUnpacked
	}
	if l.Entries == 0 {
		l.Entries = defaultEntries
	}
	if l.Contents == 0 {
		l.Contents = defaultContents
	}
	return l
}

// folderPrefix starts the names of upload folders.
const folderPrefix = "upload-"

// Store keeps the uploads of all services. It is safe for concurrent use.
type Store struct {
	dir     string
	limits  Limits
	room    *room
	sending *names // contents that are being appended to, by path
}

// NewStore returns a Store that works in dir, with a folder for each service; it touches nothing yet.
func NewStore(dir string, l Limits) *Store {
	l = l.filled()
	return &Store{dir: dir, limits: l, room: &room{dir: dir, budget: l.Contents}, sending: &names{all: map[string]bool{}}}
}

// Sweep removes uploads that an earlier process left behind, and contents that have not been used for long. It must not run beside Receive.
func (s *Store) Sweep() error {
	left, err := filepath.Glob(filepath.Join(s.dir, "*", folderPrefix+"*"))
	if err != nil {
		return fmt.Errorf("find old uploads: %w", err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove old upload: %w", err)
		}
	}
	_, err = s.room.collect(0)
	return err
}

// validService refuses what would lead out of the folder.
func validService(service string) error {
	if service == "" || strings.ContainsAny(service, "/\\") || strings.HasPrefix(service, ".") {
		return fmt.Errorf("%w: %q is no service id", platform.ErrInvalid, service)
	}
	return nil
}

// Receive unpacks the archive that r carries for a service (id), and blocks until it has all arrived.
// Errors that are the client's wrap ErrRefused, ErrTooLarge or ErrMissing; r's own errors are passed on. After an
// error nothing is left on the disk.
func (s *Store) Receive(ctx context.Context, service string, r io.Reader) (*Source, error) {
	if err := validService(service); err != nil {
		return nil, err
	}
	home := filepath.Join(s.dir, service)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, fmt.Errorf("make folder for sources: %w", err)
	}
	dir, err := os.MkdirTemp(home, folderPrefix)
	if err != nil {
		return nil, fmt.Errorf("make folder for upload: %w", err)
	}
	revision, err := s.unpack(ctx, home, dir, s.contents(service), r)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Source{dir: dir, revision: revision}, nil
}

func (s *Store) unpack(ctx context.Context, home, dir string, known contents, r io.Reader) (revision string, err error) {
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", fmt.Errorf("open folder of upload: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("open folder of upload: %w", err)
	}
	defer root.Close()
	before, err := readIndex(home)
	if err != nil {
		return "", err
	}
	x := newExtraction(root, s.limits, before)
	x.contents = known
	if err := x.run(ctx, r); err != nil {
		return "", err
	}
	if err := x.now.write(home); err != nil {
		return "", err
	}
	return x.now.digest(), nil
}

// Source is one upload, the source of one deployment (deploy.Source). Whoever carries the deployment
// out calls Close once the build has ended, or will not happen.
type Source struct {
	dir      string
	revision string
}

// Describe returns what the upload is: its revision is a digest of names, modes and contents.
func (s *Source) Describe() platform.Source {
	return platform.Source{Kind: platform.FromTarball, Revision: s.revision}
}

// Checkout returns the folder with the files; it never blocks.
func (s *Source) Checkout(context.Context) (string, error) { return s.dir, nil }

// Close removes the files. Closing twice is no error.
func (s *Source) Close() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove upload: %w", err)
	}
	return nil
}
