package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// Follow yields the lines of the log at path that q selects, then every new line as it is written, across
// rotations, until the log ends (its End line), ctx ends, or the caller stops. It waits for a log that does
// not exist yet, and blocks without using the processor while nothing is written. The end of ctx is no
// error; a file system error is yielded as the last pair. Lines that a follower is too slow to read before
// they are rotated out of existence are lost to it; no other is.
func Follow(ctx context.Context, path string, q Query) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		err := follow(ctx, path, q, func(l Line) bool { return yield(l, nil) })
		if err != nil && ctx.Err() == nil {
			yield(Line{}, err)
		}
	}
}

// follower is one Follow under way. files are the log's files not yet read to their end, the oldest
// first; the last one may still grow.
type follower struct {
	path  string
	query Query
	watch *fsnotify.Watcher
	files []*segment
}

func follow(ctx context.Context, path string, q Query, yield func(Line) bool) error {
	path = filepath.Clean(path)
	watch, err := watchFolder(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer watch.Close()
	f := &follower{path: path, query: q, watch: watch}
	defer func() { closeAll(f.files) }()
	if err := f.await(ctx); err != nil {
		return err
	}
	lines, ended, err := readAll(f.files, q)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if !yield(l) {
			return nil
		}
	}
	if ended {
		return nil
	}
	return f.tail(ctx, yield)
}

// watchFolder watches a folder rather than the file in it: the file may not exist, and rotation renames it.
func watchFolder(dir string) (*fsnotify.Watcher, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the log folder: %w", err)
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the log folder: %w", err)
	}
	if err := w.Add(dir); err != nil {
		w.Close()
		return nil, fmt.Errorf("watch the log folder: %w", err)
	}
	return w, nil
}

// await opens the log's files, once there are any.
func (f *follower) await(ctx context.Context) error {
	for {
		files, err := openAll(f.path)
		if !errors.Is(err, fs.ErrNotExist) {
			f.files = files
			return err
		}
		if err := f.woken(ctx); err != nil {
			return err
		}
	}
}

// tail yields what is written after the place that the files have been read to, moving on to the file
// that takes the log's name when the newest is rotated away.
func (f *follower) tail(ctx context.Context, yield func(Line) bool) error {
	stop := false
	each := func(l Line) bool {
		stop = l.Stream == End || f.query.wants(l) && !yield(l)
		return !stop
	}
	for {
		newer, err := f.newer()
		if err != nil {
			return err
		}
		f.files = append(f.files, newer...)
		for _, s := range f.files {
			if err := s.read(each); err != nil || stop {
				return err
			}
		}
		last := len(f.files) - 1
		closeAll(f.files[:last])
		f.files = f.files[last:]
		if len(newer) > 0 {
			continue
		}
		if err := f.woken(ctx); err != nil {
			return err
		}
	}
}

// newer opens the files that came after those at hand, oldest first. It is called before these are read
// to their end: by then nothing can be added to any but the last.
func (f *follower) newer() ([]*segment, error) {
	last := f.files[len(f.files)-1]
	now, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && os.SameFile(now, last.info) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a newer log: %w", err)
	}
	files, err := openAll(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(files, last.same)
	closeAll(files[:at+1])
	return files[at+1:], nil
}

// woken blocks until something happened to the log, which may turn out to be nothing new.
func (f *follower) woken(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-f.watch.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("watch the log folder: %w", err)
			}
			return nil
		case ev := <-f.watch.Events:
			if ev.Name == f.path {
				return nil
			}
		}
	}
}
