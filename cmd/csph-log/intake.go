package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"

	"csph/logs"
)

// intake puts every line of r into q, until r ends. A line longer than logs.MaxText becomes several; a last
// line without newline counts as one.
func intake(r io.Reader, stream logs.Stream, q *queue) {
	in := bufio.NewReaderSize(r, logs.MaxText)
	for {
		b, err := in.ReadSlice('\n')
		if len(b) > 0 {
			text := string(bytes.TrimSuffix(b, []byte{'\n'}))
			q.push(logs.Line{Time: time.Now(), Stream: stream, Text: text})
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}
