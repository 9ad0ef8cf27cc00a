package daemon

import (
	"bytes"
	"fmt"
	"sync"

	"csph/logs"
)

const (
	logBytes = 8 << 20
	logKeep  = 2
)

// output splits what a child prints into lines of its log.
type output struct {
	mu   sync.Mutex
	w    *logs.Writer
	rest []byte
}

func openOutput(path string) (*output, error) {
	w, err := logs.Create(path, logs.Options{MaxBytes: logBytes, Keep: logKeep})
	if err != nil {
		return nil, fmt.Errorf("open daemon log: %w", err)
	}
	return &output{w: w}, nil
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(b)
	for {
		line, rest, found := bytes.Cut(b, []byte{'\n'})
		if !found {
			o.rest = append(o.rest, b...)
			return n, nil
		}
		// A log that cannot be written must not stop the daemon: the line is lost, not the daemon.
		_ = o.w.Append(logs.Err, string(append(o.rest, line...)))
		o.rest, b = o.rest[:0], rest
	}
}

func (o *output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.rest) > 0 {
		_ = o.w.Append(logs.Err, string(o.rest))
	}
	return o.w.Close()
}
