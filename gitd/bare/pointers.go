package bare

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Pointer is a file of a commit whose content Git LFS keeps elsewhere.
type Pointer struct {
	Path string
	OID  string // SHA-256 of the content, in hexadecimal digits
	Size int64
}

const mostPointers = 20_000 // small files that are looked at for being pointers

// pointerStart is how every pointer begins (Git LFS, docs/spec.md).
const pointerStart = "version https://git-lfs.github.com/spec/v1\n"

// Pointers lists the Git LFS pointers of a commit that was inspected, by path.
func (q *Quarantine) Pointers(ctx context.Context, commit plumbing.Hash) ([]Pointer, error) {
	var small []file
	err := q.store.backend.walk(ctx, q.view(), commit, func(f file) error {
		if f.mode != modeSymlink && f.mode != modeSubmodule && f.size > int64(len(pointerStart)) && f.size < maxPointer {
			small = append(small, f)
		}
		if len(small) > mostPointers {
			return &TreeError{Err: fmt.Errorf("it has more than %d small files; csph does not look for Git LFS pointers among so many", mostPointers)}
		}
		return nil
	})
	if err != nil || len(small) == 0 {
		return nil, err
	}
	var all []Pointer
	err = q.store.backend.contents(ctx, q.view(), ids(small), maxPointer, func(n int, content []byte) error {
		if p, ok := parsePointer(content); ok {
			p.Path = small[n].path
			all = append(all, p)
		}
		return nil
	})
	return all, err
}

// parsePointer reads a pointer; what is none, or not of a SHA-256, is an ordinary file.
func parsePointer(content []byte) (p Pointer, ok bool) {
	if !bytes.HasPrefix(content, []byte(pointerStart)) {
		return p, false
	}
	p.Size = -1
	for line := range strings.Lines(string(content[len(pointerStart):])) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "oid":
			p.OID = strings.TrimPrefix(value, "sha256:")
		case "size":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 {
				p.Size = n
			}
		}
	}
	sum, err := hex.DecodeString(p.OID)
	return p, err == nil && len(sum) == 32 && p.OID == strings.ToLower(p.OID) && p.Size >= 0
}

// ObjectDir is the folder where the contents of a service's Git LFS files are kept, by OID, if there are any.
func (q *Quarantine) ObjectDir(service string) (string, error) {
	if !serviceID.MatchString(service) {
		return "", fmt.Errorf("keep objects: unexpected service id %q", service)
	}
	return filepath.Join(q.store.sources, service, "lfs"), nil
}

// EmbedFile puts a copy of the file from in the place of the file at of a service's checkout, whose mode it keeps. Its mtime is
// that of from; it goes with the next Checkout.
func (q *Quarantine) EmbedFile(service, at, from string) error {
	root, err := q.embedding(service, at)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(at)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("it is no file")
	}
	if err == nil {
		err = root.Remove(at)
	}
	if err == nil {
		err = copyFile(root, at, from)
	}
	if err == nil {
		err = root.Chmod(at, info.Mode().Perm())
	}
	if err != nil {
		return fmt.Errorf("embed %s: %w", at, err)
	}
	return nil
}
