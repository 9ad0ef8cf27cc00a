package tarball

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// unusedFor is how long a content is kept that no upload has asked for.
	unusedFor = 14 * 24 * time.Hour
	// inUse is how long a content is never dropped: an upload that is under way may need it.
	inUse = time.Hour
	// collectEvery is how often contents are looked through at least, while others come.
	collectEvery = 24 * time.Hour
	// partsFor is how long an upload that was broken off can be gone on with.
	partsFor = 24 * time.Hour
)

// room is what the contents of all services may take on disk. What was used longest ago makes room for what comes.
type room struct {
	dir    string
	budget int64

	mu        sync.Mutex
	left      int64     // of the budget
	collected time.Time // when left was measured
}

// take reserves n bytes, after dropping contents where that is necessary. ErrTooLarge when that does not help.
func (r *room) take(n int64) error {
	if r.reserve(n) {
		return nil
	}
	used, err := r.collect(n)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.left, r.collected = r.budget-used, time.Now()
	r.mu.Unlock()
	if !r.reserve(n) {
		return fmt.Errorf("%w: %d bytes more than the %d that sources may take here", ErrTooLarge, used+n-r.budget, r.budget)
	}
	return nil
}

func (r *room) reserve(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left < n || time.Since(r.collected) > collectEvery {
		return false
	}
	r.left -= n
	return true
}

// held is one content on disk.
type held struct {
	path string
	size int64
	used time.Time
}

// collect drops what nobody has used for long, and as much of what was used longest ago as n bytes need. It returns the
// bytes that are left.
func (r *room) collect(n int64) (used int64, err error) {
	all, err := r.all()
	if err != nil {
		return 0, err
	}
	slices.SortFunc(all, func(a, b held) int { return cmp.Compare(a.used.UnixNano(), b.used.UnixNano()) })
	for _, h := range all {
		used += h.size
	}
	for _, h := range all {
		age := time.Since(h.used)
		stale := age > unusedFor || age > partsFor && strings.HasSuffix(h.path, partSuffix)
		if !stale && (age < inUse || used+n <= r.budget) {
			continue
		}
		if err := os.Remove(h.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return used, fmt.Errorf("drop content: %w", err)
		}
		used -= h.size
	}
	return used, nil
}

// all lists the contents of all services, partial ones included.
func (r *room) all() ([]held, error) {
	paths, err := filepath.Glob(filepath.Join(r.dir, "*", contentsName, "??", "*"))
	if err != nil {
		return nil, fmt.Errorf("list contents: %w", err)
	}
	all := make([]held, 0, len(paths))
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list contents: %w", err)
		}
		all = append(all, held{path: path, size: info.Size(), used: info.ModTime()})
	}
	return all, nil
}
