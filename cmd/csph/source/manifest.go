package source

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
)

// contentRecord is the PAX record by which an entry names its content (csph/api/tarball).
const contentRecord = "CSPH.sha256"

// Manifest is what a tree is made of.
type Manifest struct {
	Entries  int
	Contents map[string]Content // of the files that are not empty, by name
	Bytes    int64              // of all contents
}

// Content is what a file holds.
type Content struct {
	Sum  string // SHA-256, hexadecimal
	Size int64
}

// Manifest reads the tree and writes its entries to w as a gzipped tar that names the contents of files instead of
// carrying them. It takes as long as reading all of it does.
func (t *Tree) Manifest(ctx context.Context, w io.Writer) (*Manifest, error) {
	zipped := gzip.NewWriter(w)
	out := tar.NewWriter(zipped)
	m := &Manifest{Contents: map[string]Content{}}
	err := t.walk(ctx, func(h *tar.Header, content io.Reader) error { return m.add(out, h, content) })
	if err != nil {
		return nil, err
	}
	if m.Entries == 0 {
		return nil, fmt.Errorf("%s has nothing to deploy: it is empty, or everything in it is ignored", t.dir)
	}
	if err := errors.Join(out.Close(), zipped.Close()); err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	return m, nil
}

func (m *Manifest) add(out *tar.Writer, h *tar.Header, content io.Reader) error {
	m.Entries++
	named := *h
	if h.Typeflag == tar.TypeReg && h.Size > 0 {
		hash := sha256.New()
		n, err := io.Copy(hash, io.LimitReader(content, h.Size))
		if err == nil && n < h.Size {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", h.Name, err)
		}
		c := Content{Sum: hex.EncodeToString(hash.Sum(nil)), Size: h.Size}
		m.Contents[path.Clean(h.Name)] = c
		m.Bytes += c.Size
		named.Size, named.Format = 0, tar.FormatPAX
		named.PAXRecords = map[string]string{contentRecord: c.Sum}
	}
	if err := out.WriteHeader(&named); err != nil {
		return fmt.Errorf("list %s: %w", h.Name, err)
	}
	return nil
}

// Each reads the tree again and gives each the contents that want asks for, every one once.
func (t *Tree) Each(ctx context.Context, m *Manifest, want func(Content) bool, each func(Content, io.Reader) error) error {
	given := map[string]bool{}
	return t.walk(ctx, func(h *tar.Header, content io.Reader) error {
		c, ok := m.Contents[path.Clean(h.Name)]
		if !ok || h.Size != c.Size || given[c.Sum] || !want(c) {
			return nil
		}
		given[c.Sum] = true
		if err := each(c, io.LimitReader(content, c.Size)); err != nil {
			return fmt.Errorf("send %s: %w", h.Name, err)
		}
		return nil
	})
}
