package bare

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// maxInMemory bounds one object where go-git holds it whole.
const maxInMemory = 256 << 20

func (g *goGit) index(ctx context.Context, v view, pack io.ReadCloser, _ io.Writer) (bool, error) {
	defer pack.Close()
	if err := g.store(ctx, v, pack); err != nil {
		switch {
		case context.Cause(ctx) != nil:
			return false, context.Cause(ctx)
		case errors.Is(err, ErrTooLarge):
			return false, ErrTooLarge
		case errors.Is(err, syscall.ENOSPC):
			return false, ErrDiskFull
		}
		return false, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return g.checkAll(ctx, v)
}

// store writes the pack and its index. The pack is scanned to its end first: it says itself where
// that is, the client need not; and go-git's own writer would believe whatever its header says.
func (g *goGit) store(ctx context.Context, v view, pack io.Reader) error {
	scanned, err := os.Create(filepath.Join(filepath.Dir(v.quarantine), "incoming"))
	if err != nil {
		return fmt.Errorf("open pack: %w", err)
	}
	defer os.Remove(scanned.Name())
	defer scanned.Close()
	limited := &limitedReader{ctx: ctx, from: pack, left: g.limits.Pack}
	if err := scanPack(io.TeeReader(limited, scanned)); err != nil {
		return err
	}
	if _, err := scanned.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind pack: %w", err)
	}
	l := open(v, true)
	defer l.close()
	writer, err := l[0].PackfileWriter()
	if err != nil {
		return fmt.Errorf("open pack: %w", err)
	}
	_, err = io.Copy(writer, scanned)
	return errors.Join(err, writer.Close())
}

// scanPack reads a pack to its end, and refuses objects that would unfold to too much.
func scanPack(r io.Reader) error {
	scanner := packfile.NewScanner(r)
	_, count, err := scanner.Header()
	if err != nil {
		return err
	}
	for range count {
		header, err := scanner.NextObjectHeader()
		if err != nil {
			return err
		}
		if header.Length > maxInMemory {
			return fmt.Errorf("an object of %d MB is too large for a server without git", header.Length>>20)
		}
		start := &prefix{}
		if _, _, err := scanner.NextObject(start); err != nil {
			return err
		}
		if header.Type.IsDelta() && start.deltaTarget() > maxInMemory {
			return errors.New("a delta unfolds to more memory than is allowed")
		}
	}
	_, err = scanner.Checksum()
	return err
}

// prefix keeps the first bytes written to it.
type prefix struct{ kept []byte }

func (p *prefix) Write(b []byte) (int, error) {
	if n := 2*binary.MaxVarintLen64 - len(p.kept); n > 0 {
		p.kept = append(p.kept, b[:min(n, len(b))]...)
	}
	return len(b), nil
}

// deltaTarget reads the size of what a delta makes (gitformat-pack(5): two sizes come first).
func (p *prefix) deltaTarget() uint64 {
	_, n := binary.Uvarint(p.kept)
	if n <= 0 {
		return 1 << 63
	}
	target, m := binary.Uvarint(p.kept[n:])
	if m <= 0 {
		return 1 << 63
	}
	return target
}

// limitedReader fails beyond so many bytes, or when ctx has ended.
type limitedReader struct {
	ctx  context.Context
	from io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := l.from.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// checkAll does what git fsck does: every object well-formed, and everything it links to there.
func (g *goGit) checkAll(ctx context.Context, v view) (whole bool, _ error) {
	shallow, err := shallowOf(v)
	if err != nil {
		return false, err
	}
	all, own := open(v, false), open(v, true)
	defer all.close()
	defer own.close()
	objects, err := own[0].IterEncodedObjects(plumbing.AnyObject)
	if err != nil {
		return false, fmt.Errorf("list objects: %w", err)
	}
	err = objects.ForEach(func(o plumbing.EncodedObject) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		links, err := checkObject(o, shallow[o.Hash()])
		if err != nil {
			return fmt.Errorf("%w: %s %s: %w", ErrCorrupt, o.Type(), o.Hash(), err)
		}
		for _, id := range links {
			if !all.has(id) {
				return fmt.Errorf("%w: did not receive expected object %s", ErrCorrupt, id)
			}
		}
		return nil
	})
	return false, err
}

func shallowOf(v view) (map[plumbing.Hash]bool, error) {
	r := &Repository{dir: v.repository}
	ids, err := r.Shallow()
	if v.shallow != "" {
		ids, err = readShallow(v.shallow)
	}
	set := make(map[plumbing.Hash]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set, err
}

// checkObject checks one object and returns what it links to.
func checkObject(o plumbing.EncodedObject, shallow bool) (links []plumbing.Hash, err error) {
	if o.Type() == plumbing.BlobObject {
		return nil, nil
	}
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	switch o.Type() {
	case plumbing.TreeObject:
		return checkTree(content)
	case plumbing.CommitObject:
		tree, parents, err := readCommit(content)
		if shallow {
			parents = nil
		}
		return append(parents, tree), err
	case plumbing.TagObject:
		return checkTag(content)
	}
	return nil, errors.New("unknown type")
}

func checkTag(content []byte) ([]plumbing.Hash, error) {
	h := headers{r: bufio.NewReader(bytes.NewReader(content))}
	links := []plumbing.Hash{h.link("object")}
	if kind := h.value("type"); h.err == nil {
		_, h.err = plumbing.ParseObjectType(kind)
	}
	h.value("tag")
	return links, h.err
}
