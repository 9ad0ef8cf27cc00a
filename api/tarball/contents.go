package tarball

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"csph/platform"
)

// ContentRecord is the PAX record by which an entry of an archive names its content instead of carrying it: the
// hexadecimal SHA-256 of one that was sent before.
const ContentRecord = "CSPH.sha256"

// ErrMissing is wrapped by the errors of archives that name a content which is not here.
var ErrMissing = errors.New("the archive names a content that is not here")

// contents are what the files of one service's uploads held, by SHA-256. They are that service's alone: whoever deploys
// another one learns nothing about them.
type contents struct{ dir string }

const (
	contentsName = "contents"
	partSuffix   = ".part"
)

func (s *Store) contents(service string) contents {
	return contents{filepath.Join(s.dir, service, contentsName)}
}

func (c contents) path(sum string) string { return filepath.Join(c.dir, sum[:2], sum) }

// validSum refuses what is not 64 lower-case hexadecimal digits.
func validSum(sum string) error {
	bytes, err := hex.DecodeString(sum)
	if err != nil || len(bytes) != sha256.Size || hex.EncodeToString(bytes) != sum {
		return fmt.Errorf("%w: %.80q is no SHA-256 in lower-case hexadecimal digits", platform.ErrInvalid, sum)
	}
	return nil
}

// Lack is a content that is not here, or not wholly.
type Lack struct {
	Sum      string
	Received int64 // bytes that are here already
}

// Missing lists which of the contents are not here for a service. Those that are will be for a while: they count as used now.
func (s *Store) Missing(service string, sums []string) ([]Lack, error) {
	if err := validService(service); err != nil {
		return nil, err
	}
	of := s.contents(service)
	lacking := []Lack{}
	now := time.Now()
	for _, sum := range sums {
		if err := validSum(sum); err != nil {
			return nil, err
		}
		err := os.Chtimes(of.path(sum), now, now)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look for content: %w", err)
		}
		lack := Lack{Sum: sum}
		if part, err := os.Stat(of.path(sum) + partSuffix); err == nil {
			lack.Received = part.Size()
		}
		lacking = append(lacking, lack)
	}
	return lacking, nil
}

// Keep takes contents over from an archive, gzipped or not, whose entries are named by their SHA-256. Each that has
// arrived whole is kept, also when the archive breaks off after it. It returns how many were, and their bytes.
func (s *Store) Keep(ctx context.Context, service string, r io.Reader) (files int, bytes int64, err error) {
	if err := validService(service); err != nil {
		return 0, 0, err
	}
	packed := &bounded{r: r, left: s.limits.Packed, limit: s.limits.Packed}
	plain, err := gunzipped(packed)
	if err != nil {
		return 0, 0, err
	}
	of := s.contents(service)
	for archive := tar.NewReader(plain); ; files++ {
		if err := ctx.Err(); err != nil {
			return files, bytes, err
		}
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, bytes, nil
		}
		if err != nil {
			return files, bytes, packed.explain(err)
		}
		n, err := s.keepOne(of, h, archive)
		if err != nil {
			return files, bytes, packed.explain(err)
		}
		bytes += n
	}
}

func (s *Store) keepOne(of contents, h *tar.Header, r io.Reader) (int64, error) {
	if h.Typeflag != tar.TypeReg {
		return 0, refused(h.Name, "it is no content")
	}
	if err := validSum(h.Name); err != nil {
		return 0, err
	}
	if err := s.room.take(h.Size); err != nil {
		return 0, err
	}
	return h.Size, of.write(h.Name, r)
}

// write keeps what r has under sum, which it must have.
func (c contents) write(sum string, r io.Reader) (err error) {
	path := c.path(sum)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder for contents: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "new-*"+partSuffix)
	if err != nil {
		return fmt.Errorf("keep content: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, hash), r); err != nil {
		return fmt.Errorf("keep content: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("keep content: %w", err)
	}
	if hex.EncodeToString(hash.Sum(nil)) != sum {
		return refused(sum, "its content has another SHA-256")
	}
	return os.Rename(f.Name(), path)
}

// Append continues a content of size bytes at offset, and returns how much of it is here then. What has arrived stays when r breaks
// off. ErrConflict when the content does not end at offset, or somebody else is sending it.
func (s *Store) Append(ctx context.Context, service, sum string, offset, size int64, r io.Reader) (received int64, err error) {
	if err := errors.Join(validService(service), validSum(sum)); err != nil {
		return 0, err
	}
	if size < 1 || offset < 0 || offset > size {
		return 0, fmt.Errorf("%w: a content of %d bytes cannot go on at %d", platform.ErrInvalid, size, offset)
	}
	if size > s.limits.Unpacked {
		return 0, fmt.Errorf("%w: a content has at most %d bytes", ErrTooLarge, s.limits.Unpacked)
	}
	path := s.contents(service).path(sum)
	if !s.sending.begin(path) {
		return 0, fmt.Errorf("%w: content %s is being sent already", platform.ErrConflict, sum)
	}
	defer s.sending.end(path)
	if err := s.room.take(size - offset); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, fmt.Errorf("make folder for contents: %w", err)
	}
	received, err = appendTo(ctx, path+partSuffix, offset, size, r)
	if err != nil || received < size {
		return received, err
	}
	return received, settle(path, sum)
}

func appendTo(ctx context.Context, part string, offset, size int64, r io.Reader) (received int64, err error) {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, fmt.Errorf("keep content: %w", err)
	}
	defer f.Close()
	has, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("keep content: %w", err)
	}
	if has.Size() != offset {
		return has.Size(), fmt.Errorf("%w: %d bytes of the content are here; go on at that offset", platform.ErrConflict, has.Size())
	}
	n, err := io.Copy(f, io.LimitReader(&within{ctx, r}, size-offset+1))
	received = offset + n
	if received > size {
		return 0, errors.Join(refused(filepath.Base(part), "it is larger than was said"), os.Remove(part))
	}
	if err != nil {
		return received, fmt.Errorf("receive content: %w", err)
	}
	return received, f.Close()
}

// within reads until ctx ends.
type within struct {
	ctx context.Context
	r   io.Reader
}

func (w *within) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}

// settle makes a content of what has arrived whole; what is another one is dropped.
func settle(path, sum string) error {
	f, err := os.Open(path + partSuffix)
	if err != nil {
		return fmt.Errorf("check content: %w", err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return fmt.Errorf("check content: %w", err)
	}
	if hex.EncodeToString(hash.Sum(nil)) != sum {
		return errors.Join(refused(sum, "its content has another SHA-256"), os.Remove(path+partSuffix))
	}
	return os.Rename(path+partSuffix, path)
}

// names is a set of what is under way.
type names struct {
	mu  sync.Mutex
	all map[string]bool
}

// begin reports false when name is under way already.
func (n *names) begin(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all[name] {
		return false
	}
	n.all[name] = true
	return true
}

func (n *names) end(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.all, name)
}
