package lane

import (
	"io"
	"net/http"

	"golang.org/x/net/http/httpguts"
)

// sizeLine is the length of the line before each chunk: eight digits and CRLF.
const sizeLine = 10

// body hands out the body of a request.
type body struct {
	chunked bool
	last    bool   // the last chunk was handed out, or waits in pending
	pending []byte // handed out before anything else
	first   [64]byte
}

// peek reads the first bytes of a body, so that they come out of the next read in a chunk.
func (b *body) peek(q *http.Request) (int, error) {
	n, err := readSome(q.Body, b.first[sizeLine:len(b.first)-2])
	if n > 0 {
		b.pending = b.first[:frame(b.first[:], n)]
	}
	return n, err
}

func (b *body) read(q *http.Request, p []byte) (int, error) {
	if !b.chunked {
		return readSome(q.Body, p)
	}
	if len(b.pending) == 0 {
		if len(p) >= len(b.first) {
			return b.chunk(q, p)
		}
		n, err := b.chunk(q, b.first[:])
		if err != nil {
			return 0, err
		}
		b.pending = b.first[:n]
	}
	n := copy(p, b.pending)
	b.pending = b.pending[n:]
	return n, nil
}

// chunk puts the next chunk into p, which takes 64 bytes at least, or starts to hand out the end.
func (b *body) chunk(q *http.Request, p []byte) (int, error) {
	if b.last {
		return 0, io.EOF
	}
	n, err := readSome(q.Body, p[sizeLine:len(p)-2])
	switch {
	case n > 0:
		return frame(p, n), nil
	case err == io.EOF:
		b.last = true
		b.pending = appendEnd(nil, q.Trailer)
		n = copy(p, b.pending)
		b.pending = b.pending[n:]
		return n, nil
	}
	return 0, err
}

// readSome reads until there is a byte or an error.
func readSome(r io.Reader, p []byte) (n int, err error) {
	for n == 0 && err == nil {
		n, err = r.Read(p)
	}
	return n, err
}

// frame makes a chunk of n bytes that stand behind the place for the size line, and returns its length.
func frame(p []byte, n int) int {
	const hex = "0123456789abcdef"
	for i, rest := sizeLine-3, n; i >= 0; i-- {
		p[i] = hex[rest&15]
		rest >>= 4
	}
	p[sizeLine-2], p[sizeLine-1] = '\r', '\n'
	p[sizeLine+n], p[sizeLine+n+1] = '\r', '\n'
	return sizeLine + n + 2
}

// appendEnd appends the last chunk and the trailers; those that could not stand in a line are left out.
func appendEnd(b []byte, trailers http.Header) []byte {
	b = append(b, "0\r\n"...)
	for name, values := range trailers {
		for _, v := range values {
			if httpguts.ValidTrailerHeader(name) && httpguts.ValidHeaderFieldValue(v) {
				b = appendField(b, name, v)
			}
		}
	}
	return append(b, "\r\n"...)
}
