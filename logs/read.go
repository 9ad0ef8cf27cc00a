package logs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Query selects lines of a log.
type Query struct {
	Tail  int       // only the last Tail lines; 0: all
	Since time.Time // only lines of this time or later; zero: all
	// Progress asks for lines of the stream of that name, too.
	Progress bool
}

// wants reports whether a line is one that q selects.
func (q Query) wants(l Line) bool {
	return !l.Time.Before(q.Since) && (q.Progress || l.Stream != Progress)
}

// Read returns the lines of the log at path that are complete now, its rotated files first. Lines that
// are torn or are not of the format are passed over, End lines too. A log that does not exist is an
// error that wraps fs.ErrNotExist.
func Read(path string, q Query) ([]Line, error) {
	files, err := openAll(path)
	if err != nil {
		return nil, err
	}
	defer closeAll(files)
	lines, _, err := readAll(files, q)
	return lines, err
}

// readAll reads files in order; ended says that the newest holds an End line, the reader's place stays after it.
func readAll(files []*segment, q Query) (lines []Line, ended bool, err error) {
	for _, f := range files {
		ended = false
		err := f.read(func(l Line) bool {
			if l.Stream == End {
				ended = true
				return true
			}
			ended = false
			if !q.wants(l) {
				return true
			}
			lines = append(lines, l)
			if q.Tail > 0 && len(lines) >= 2*q.Tail+1024 {
				lines = slices.Delete(lines, 0, len(lines)-q.Tail)
			}
			return true
		})
		if err != nil {
			return nil, false, err
		}
	}
	if q.Tail > 0 && len(lines) > q.Tail {
		lines = lines[len(lines)-q.Tail:]
	}
	return lines, ended, nil
}

// openAll opens the log's files, the oldest first. Files may be rotated meanwhile: opening goes from the
// newest on and stops at the first that is the same as one opened already or is not there.
func openAll(path string) ([]*segment, error) {
	var files []*segment
	for n := 0; ; n++ {
		f, err := openSegment(numbered(path, n))
		if n > 0 && errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			closeAll(files)
			return nil, err
		}
		if slices.ContainsFunc(files, f.same) {
			f.close()
			continue
		}
		files = append(files, f)
	}
	slices.Reverse(files)
	return files, nil
}

func closeAll(files []*segment) {
	for _, f := range files {
		f.close()
	}
}

// segment is one file of a log, read from where the last read stopped.
type segment struct {
	f    *os.File
	info os.FileInfo
	r    *bufio.Reader
	part []byte // the beginning of a line whose end has not been written yet
	skip bool   // the line being read is too long to be one of ours
}

func openSegment(name string) (*segment, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return &segment{f: f, info: info, r: bufio.NewReaderSize(f, 32<<10)}, nil
}

func (s *segment) close() { s.f.Close() }

func (s *segment) same(o *segment) bool { return os.SameFile(s.info, o.info) }

// read calls yield with every line that is complete and has not been read yet, until yield returns false.
func (s *segment) read(yield func(Line) bool) error {
	for {
		b, err := s.r.ReadSlice('\n')
		if !s.skip {
			s.part = append(s.part, b...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if len(s.part) > maxLine {
				s.part, s.skip = s.part[:0], true
			}
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the log: %w", err)
		}
		l, ok := parseLine(bytes.TrimSuffix(s.part, []byte{'\n'}))
		ok = ok && !s.skip
		s.part, s.skip = s.part[:0], false
		if ok && !yield(l) {
			return nil
		}
	}
}
