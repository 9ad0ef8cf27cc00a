package tarball

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// extraction is one archive being unpacked. Everything goes through root, which the kernel keeps
// within the folder (openat2, or component by component); the rules below come on top of that.
type extraction struct {
	root   *os.Root
	limits Limits
	known  index // of the upload before
	// contents are what entries may name instead of carrying it.
	contents contents
	now      index
	began    time.Time

	dirs    map[string]bool // real folders made so far
	links   []string        // symbolic links made so far
	entries int
	written int64
	buffer  []byte
}

func newExtraction(root *os.Root, l Limits, known index) *extraction {
	return &extraction{
		root: root, limits: l, known: known, now: index{}, began: time.Now(),
		dirs: map[string]bool{".": true}, buffer: make([]byte, 128<<10),
	}
}

func (x *extraction) run(ctx context.Context, r io.Reader) error {
	packed := &bounded{r: r, left: x.limits.Packed, limit: x.limits.Packed}
	plain, err := gunzipped(packed)
	if err != nil {
		return err
	}
	archive := tar.NewReader(plain)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return packed.explain(err)
		}
		if err := x.entry(h, archive); err != nil {
			return packed.explain(err)
		}
	}
	if x.entries == 0 {
		return fmt.Errorf("%w: it is empty", ErrRefused)
	}
	if err := finish(plain); err != nil {
		return packed.explain(err)
	}
	return x.checkLinks()
}

// maxPadding bounds what may follow the end of an archive: tar fills its last record (POSIX pax,
// "ustar Interchange Format"), commonly up to 10 KiB.
const maxPadding = 1 << 20

// finish reads to the end, where gzip's checksum is.
func finish(plain io.Reader) error {
	n, err := io.Copy(io.Discard, io.LimitReader(plain, maxPadding+1))
	if n > maxPadding {
		err = fmt.Errorf("%w: something follows its end", ErrRefused)
	}
	return err
}

// gunzipped reads r through gzip when it starts like one (RFC 1952 section 2.3.1).
func gunzipped(r *bounded) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	start, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, r.explain(err)
	}
	if !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, r.explain(err)
	}
	return plain, nil
}

func (x *extraction) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if x.entries++; x.entries > x.limits.Entries {
		return fmt.Errorf("%w: it has more than %d entries", ErrTooLarge, x.limits.Entries)
	}
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	if name == "." || inGit(name) {
		return nil
	}
	if err := x.folder(path.Dir(name)); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return x.folder(name)
	case tar.TypeReg:
		if sum := h.PAXRecords[ContentRecord]; sum != "" {
			return x.named(name, h, sum)
		}
		_, err := x.file(name, h, content)
		return err
	case tar.TypeSymlink:
		return x.symlink(name, h.Linkname)
	case tar.TypeLink:
		return x.hardlink(name, h.Linkname)
	}
	return refused(name, "it is neither a file, a folder nor a link (type %q)", h.Typeflag)
}

// folder makes name and its parents. A link in the place of a folder is refused: what is behind it
// would be unpacked somewhere else.
func (x *extraction) folder(name string) error {
	if x.dirs[name] {
		return nil
	}
	if err := x.folder(path.Dir(name)); err != nil {
		return err
	}
	switch err := x.root.Mkdir(name, 0o755); {
	case errors.Is(err, fs.ErrExist):
		return refused(name, "it is a folder here, and something else before")
	case err != nil:
		return fmt.Errorf("make folder: %w", err)
	}
	x.dirs[name] = true
	return nil
}

// named makes a file of a content that was sent before.
func (x *extraction) named(name string, h *tar.Header, sum string) error {
	if err := validSum(sum); err != nil {
		return err
	}
	path := x.contents.path(sum)
	content, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: that of %s (%s)", ErrMissing, name, sum)
	}
	if err != nil {
		return fmt.Errorf("open content: %w", err)
	}
	defer content.Close()
	found, err := x.file(name, h, content)
	if err != nil || hex.EncodeToString(found[:]) == sum {
		return err
	}
	return errors.Join(fmt.Errorf("%w: that of %s is damaged (%s)", ErrMissing, name, sum), os.Remove(path))
}

// file makes a file and returns the SHA-256 of what it holds.
func (x *extraction) file(name string, h *tar.Header, content io.Reader) (sum [sha256.Size]byte, err error) {
	mode := fs.FileMode(0o644)
	if h.Mode&0o111 != 0 {
		mode = 0o755
	}
	f, err := x.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if errors.Is(err, fs.ErrExist) {
		return sum, refused(name, "it comes twice")
	}
	if err != nil {
		return sum, fmt.Errorf("make file: %w", err)
	}
	defer f.Close()
	hash := sha256.New()
	left := x.limits.Unpacked - x.written
	n, err := io.CopyBuffer(io.MultiWriter(f, hash), io.LimitReader(content, left+1), x.buffer)
	x.written += n
	switch {
	case err != nil:
		return sum, fmt.Errorf("unpack %s: %w", name, err)
	case n > left:
		return sum, fmt.Errorf("%w: unpacked it takes more than %d bytes", ErrTooLarge, x.limits.Unpacked)
	}
	if err := f.Close(); err != nil {
		return sum, fmt.Errorf("unpack %s: %w", name, err)
	}
	sum = [sha256.Size]byte(hash.Sum(nil))
	return sum, x.stamp(name, mode, sum)
}

// stamp gives the file its time, and remembers it.
func (x *extraction) stamp(name string, mode fs.FileMode, content [sha256.Size]byte) error {
	at := x.began
	if before, ok := x.known[name]; ok && before.content == content {
		at = before.at
	}
	x.now[name] = version{content: content, mode: mode, at: at}
	if err := x.root.Chtimes(name, at, at); err != nil {
		return fmt.Errorf("set time of %s: %w", name, err)
	}
	return nil
}

func (x *extraction) symlink(name, target string) error {
	if strings.ContainsFunc(target, control) || target == "" {
		return refused(name, "its target has control bytes, or none at all")
	}
	if path.IsAbs(target) || !local(path.Join(path.Dir(name), target)) {
		return refused(name, "it leads out of the archive (to %s)", target)
	}
	err := x.root.Symlink(target, name)
	if errors.Is(err, fs.ErrExist) {
		return refused(name, "it comes twice")
	}
	if err != nil {
		return fmt.Errorf("make link: %w", err)
	}
	x.links = append(x.links, name)
	x.now[name] = version{content: sha256.Sum256([]byte(target)), mode: fs.ModeSymlink, at: x.began}
	return nil
}

// hardlink makes a second name of a file that was unpacked before.
func (x *extraction) hardlink(name, target string) error {
	target, err := cleanName(target)
	if err != nil {
		return err
	}
	known, ok := x.now[target]
	if !ok || !known.mode.IsRegular() {
		return refused(name, "it is a link to %s, which is no file before it", target)
	}
	switch err := x.root.Link(target, name); {
	case errors.Is(err, fs.ErrExist):
		return refused(name, "it comes twice")
	case err != nil:
		return fmt.Errorf("make link: %w", err)
	}
	x.now[name] = known
	return nil
}

// checkLinks follows every link for real, now that all are there: a target can look as if it stayed
// inside and leave by way of another link. One that leads nowhere is allowed, as it is in any source.
func (x *extraction) checkLinks() error {
	for _, name := range x.links {
		if _, err := x.root.Stat(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return refused(name, "it leads out of the archive, or in circles")
		}
	}
	return nil
}
