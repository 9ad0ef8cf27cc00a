package h1

// maxExtensions bounds the bytes that chunk extensions may take in one body.
const maxExtensions = 4096

type chunkState uint8

const (
	inSize chunkState = iota
	inExtension
	atSizeLF
	inData
	atDataCR
	atDataLF
	atTrailers
)

// Chunks follows the chunked coding (RFC 9112 section 7.1) as its bytes arrive, up to the trailer
// section. The zero value is ready for one body.
type Chunks struct {
	state      chunkState
	digits     int
	left       int64
	extensions int
}

// Ended reports whether the last chunk was seen: what follows is the trailer section.
func (c *Chunks) Ended() bool { return c.state == atTrailers }

// Next takes the bytes at hand and returns how many of them are framing, and how many after those are
// data. It stops after one run of data, or at the end; 0, 0 means that it needs more bytes or has ended.
func (c *Chunks) Next(b []byte) (framing, data int, err error) {
	for i, ch := range b {
		if c.state == inData {
			n := int(min(c.left, int64(len(b)-i)))
			if c.left -= int64(n); c.left == 0 {
				c.state = atDataCR
			}
			return i, n, nil
		}
		if c.state == atTrailers {
			return i, 0, nil
		}
		if !c.step(ch) {
			return 0, 0, ErrChunk
		}
	}
	return len(b), 0, nil
}

// step takes one byte of framing.
func (c *Chunks) step(ch byte) bool {
	switch c.state {
	case inSize:
		return c.size(ch)
	case inExtension:
		return c.extension(ch)
	case atSizeLF:
		if c.state = inData; c.left == 0 {
			c.state = atTrailers
		}
		return ch == '\n'
	case atDataCR:
		c.state = atDataLF
		return ch == '\r'
	case atDataLF:
		c.state, c.digits = inSize, 0
		return ch == '\n'
	}
	return false
}

func (c *Chunks) size(ch byte) bool {
	switch {
	case classes[ch]&hexByte != 0:
		c.digits++
		c.left = c.left<<4 | int64(unhex(ch))
		return c.digits <= 15
	case c.digits == 0:
		return false
	case ch == '\r':
		c.state = atSizeLF
		return true
	case ch == ';':
		c.state = inExtension
		return true
	}
	return false
}

func (c *Chunks) extension(ch byte) bool {
	if ch == '\r' {
		c.state = atSizeLF
		return true
	}
	c.extensions++
	return classes[ch]&valueByte != 0 && c.extensions <= maxExtensions
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// Trailers is a trailer section.
type Trailers struct{ Head }

// Parse reads section, one whole trailer section as delimited by Scan, with at most limit fields.
func (t *Trailers) Parse(section []byte, limit int) error {
	t.bytes = section
	if err := t.parseFields(0, limit); err != nil {
		return ErrTrailer
	}
	return nil
}
