package main

import (
	"fmt"
	"time"

	"csph/logs"
)

// writeBytes bounds the text of one write, so that a rotation comes not much later than it should.
const writeBytes = 256 << 10

// sink appends to the log as well as the disk allows. It opens the file when it has something to write, and
// again after an error.
type sink struct {
	path string
	opts logs.Options

	w      *logs.Writer
	lost   int // lines not yet accounted for in the log
	reason string
}

// write appends batch, then an account of what is missing: the lines dropped after it, and those of earlier
// batches that the disk did not take.
func (s *sink) write(batch []logs.Line, dropped int) {
	for len(batch) > 0 {
		n := chunk(batch)
		s.append(batch[:n])
		batch = batch[n:]
	}
	if dropped > 0 {
		s.lost += dropped
		s.reason = "the disk was too slow"
		s.account()
	}
}

// chunk is how many lines of batch go into one write; at least one.
func chunk(batch []logs.Line) int {
	size := 0
	for i, l := range batch {
		if size += len(l.Text); size > writeBytes && i > 0 {
			return i
		}
	}
	return len(batch)
}

func (s *sink) append(lines []logs.Line) {
	if s.lost > 0 {
		s.account()
	}
	if err := s.put(lines); err != nil {
		s.lost += len(lines)
		s.reason = err.Error()
	}
}

// account tells the readers of the log what is missing here; if even that cannot be written, later.
func (s *sink) account() {
	text := fmt.Sprintf("csph: %d lines of output were lost here: %s", s.lost, s.reason)
	if s.put([]logs.Line{{Time: time.Now(), Stream: logs.Step, Text: text}}) == nil {
		s.lost, s.reason = 0, ""
	}
}

func (s *sink) put(lines []logs.Line) error {
	if s.w == nil {
		w, err := logs.Create(s.path, s.opts)
		if err != nil {
			return err
		}
		s.w = w
	}
	return s.w.AppendLines(lines...)
}

func (s *sink) close() {
	if s.lost > 0 {
		s.account()
	}
	if s.w != nil {
		s.w.Close()
	}
}
