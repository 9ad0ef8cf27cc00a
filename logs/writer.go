package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options bound the space that a log takes.
type Options struct {
	// MaxBytes is the size from which the file is rotated to path.1, path.1 to path.2 and so on; 0: never.
	MaxBytes int64
	// Keep is how many rotated files stay; 0 with MaxBytes set keeps none.
	Keep int
}

// Writer appends to one log. It is safe for concurrent use; there must be only one for a path at a time.
type Writer struct {
	path string
	opts Options

	mu   sync.Mutex
	f    *os.File // nil once closed, or while a rotation could not open the new file
	done bool
	size int64
	torn bool // the last write was cut short: the next one begins on a line of its own
	buf  []byte
}

// ErrClosed is returned by the methods of a Writer after Close or End.
var ErrClosed = errors.New("log is closed")

// Create opens the log at path for appending, making it and its folder when they are not there. What a
// crashed writer left is kept: a torn last line is ended, so that readers lose that one only.
func Create(path string, opts Options) (*Writer, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the log folder: %w", err)
	}
	w := &Writer{path: path, opts: opts}
	if err := w.open(); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *Writer) open() error {
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return fmt.Errorf("open the log: %w", err)
	}
	w.f, w.size, w.torn = f, size, false
	if size > 0 {
		var last [1]byte
		_, err := f.ReadAt(last[:], size-1)
		w.torn = err != nil || last[0] != '\n'
	}
	return nil
}

// Append writes text as one line of stream, or several where it holds newlines or is longer than MaxText.
// The lines are in the file, for every reader to see, when it returns. After an error (a full disk) the
// text is lost, whole or in part, and the next Append tries again.
func (w *Writer) Append(stream Stream, text string) error { return w.AppendOf("", stream, text) }

// AppendOf is Append for text that is of a step of a build.
func (w *Writer) AppendOf(step string, stream Stream, text string) error {
	now := time.Now()
	lines := make([]Line, 0, 1)
	for _, t := range split(text) {
		lines = append(lines, Line{Time: now, Stream: stream, Step: step, Text: t})
	}
	return w.AppendLines(lines...)
}

// AppendLines writes finished lines with a single write; their texts must hold no newline and be no
// longer than MaxText. It returns as Append does.
func (w *Writer) AppendLines(lines ...Line) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.append(lines)
}

func (w *Writer) append(lines []Line) error {
	if w.done {
		return ErrClosed
	}
	if w.f == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	w.buf = w.buf[:0]
	if w.torn {
		w.buf = append(w.buf, '\n')
	}
	for _, l := range lines {
		w.buf = appendLine(w.buf, l)
	}
	n, err := w.f.Write(w.buf)
	w.size += int64(n)
	if n > 0 {
		w.torn = w.buf[n-1] != '\n'
	}
	if err != nil {
		return fmt.Errorf("append to the log: %w", err)
	}
	if w.opts.MaxBytes > 0 && w.size >= w.opts.MaxBytes {
		return w.rotate()
	}
	return nil
}

// rotate moves every file one number up, the oldest out, and begins a new one.
func (w *Writer) rotate() error {
	err := w.f.Close()
	w.f = nil
	if w.opts.Keep == 0 {
		err = errors.Join(err, os.Remove(w.path))
	}
	for n := w.opts.Keep; n > 0; n-- {
		if moveErr := os.Rename(numbered(w.path, n-1), numbered(w.path, n)); !errors.Is(moveErr, os.ErrNotExist) {
			err = errors.Join(err, moveErr)
		}
	}
	if err = errors.Join(err, w.open()); err != nil {
		return fmt.Errorf("rotate the log: %w", err)
	}
	return nil
}

// numbered is the name of the nth rotated file; the 0th is the log itself.
func numbered(path string, n int) string {
	if n == 0 {
		return path
	}
	return fmt.Sprintf("%s.%d", path, n)
}

// End writes the line that tells followers that the log is complete, then closes it.
func (w *Writer) End() error {
	w.mu.Lock()
	err := w.append([]Line{{Time: time.Now(), Stream: End}})
	w.mu.Unlock()
	if errors.Is(err, ErrClosed) {
		return err
	}
	return errors.Join(err, w.Close())
}

// Close releases the file without ending the log: another Writer may go on where this one stopped.
// Closing twice is no error.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	if w.f == nil {
		return nil
	}
	err := w.f.Close()
	w.f = nil
	return err
}
