package h1

import "bytes"

// Scan finds the end of a head as its bytes arrive, looking at each byte once. The zero value is
// ready for one head.
type Scan struct {
	line int // where the present line starts
	next int // first byte not looked at
	// Trailers lets the section be empty, as a trailer section may be.
	Trailers bool
}

// End returns the length of the head that b starts with, including its empty line; 0 means that more
// bytes are needed. b must hold everything that earlier calls saw. The error is ErrBareLF,
// ErrEmptyHead, ErrRequestLine or nil.
func (s *Scan) End(b []byte) (int, error) {
	if s.next == 0 && len(b) > 0 && !s.Trailers && classes[b[0]]&tokenByte == 0 {
		if b[0] == '\r' || b[0] == '\n' {
			return 0, ErrEmptyHead
		}
		return 0, ErrRequestLine
	}
	for {
		i := bytes.IndexByte(b[s.next:], '\n')
		if i < 0 {
			s.next = len(b)
			return 0, nil
		}
		i += s.next
		if i == 0 || b[i-1] != '\r' {
			return 0, ErrBareLF
		}
		if i-1 == s.line {
			return i + 1, nil
		}
		s.line, s.next = i+1, i+1
	}
}
