package tarball

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// version is what a file was in an upload.
type version struct {
	content [sha256.Size]byte
	mode    fs.FileMode
	at      time.Time
}

// index is the files of a service's last upload, by name.
type index map[string]version

// indexName is the file beside the uploads that keeps the index: lines of
// "<nanoseconds> <mode> <hex sha256> <quoted name>".
const indexName = "uploads.index"

// readIndex returns the service's index; an empty one when there is none or when it is damaged, since
// all it costs is a fuller build.
func readIndex(home string) (index, error) {
	known := index{}
	f, err := os.Open(filepath.Join(home, indexName))
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open index of uploads: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8*maxPath)
	for lines.Scan() {
		if name, v, ok := parseVersion(lines.Text()); ok {
			known[name] = v
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read index of uploads: %w", err)
	}
	return known, nil
}

func parseVersion(line string) (name string, v version, ok bool) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) != 4 {
		return "", v, false
	}
	at, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || hex.DecodedLen(len(fields[2])) != sha256.Size {
		return "", v, false
	}
	if _, err := hex.Decode(v.content[:], []byte(fields[2])); err != nil {
		return "", v, false
	}
	name, err = strconv.Unquote(fields[3])
	v.at = time.Unix(0, at)
	return name, v, err == nil
}

// write replaces the service's index. A crash leaves the old or the new one.
func (x index) write(home string) (err error) {
	f, err := os.CreateTemp(home, indexName+".*")
	if err != nil {
		return fmt.Errorf("write index of uploads: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write index of uploads: %w", err), os.Remove(f.Name()))
		}
	}()
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, name := range slices.Sorted(maps.Keys(x)) {
		v := x[name]
		fmt.Fprintf(w, "%d %s %x %q\n", v.at.UnixNano(), perm(v.mode), v.content, name)
	}
	if err := errors.Join(w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(home, indexName))
}

// digest stands for names, modes and contents, not for times.
func (x index) digest() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(x)) {
		v := x[name]
		fmt.Fprintf(sum, "%s %x %q\n", perm(v.mode), v.content, name)
	}
	return fmt.Sprintf("sha256:%x", sum.Sum(nil))
}
