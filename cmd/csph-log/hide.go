package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"csph/logs"
)

// readMask reads what the log may not have; "" is nothing.
func readMask(path string) (*logs.Mask, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read what the log may not have: %w", err)
	}
	return logs.MaskOf(strings.FieldsFunc(string(text), func(r rune) bool { return r == 0 })...), nil
}

// hidden is a stream without what its mask hides.
type hidden struct {
	from   io.Reader
	stream *logs.MaskedStream
	piece  []byte
	ready  []byte // settled, and not passed on yet
	err    error  // of from, once ready is passed on
}

// hiding is r, masked; what may be the beginning of a secret is passed on when it is known to be none, or at the end.
func hiding(r io.Reader, mask *logs.Mask) io.Reader {
	if mask == nil {
		return r
	}
	return &hidden{from: r, stream: mask.Stream(), piece: make([]byte, 32<<10)}
}

func (h *hidden) Read(p []byte) (int, error) {
	for len(h.ready) == 0 {
		if h.err != nil {
			return 0, h.err
		}
		n, err := h.from.Read(h.piece)
		h.ready = h.stream.Next(h.piece[:n])
		if h.err = err; err != nil {
			h.ready = append(h.ready, h.stream.End()...)
		}
	}
	n := copy(p, h.ready)
	h.ready = h.ready[n:]
	return n, nil
}
