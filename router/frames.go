package router

import "encoding/binary"

// framePosition follows the frames of a websocket (RFC 6455 section 5.2), to know when a frame of our
// own may be put between two of them.
type framePosition struct {
	header [14]byte
	have   int    // bytes of the header seen
	left   uint64 // bytes of payload to come
}

// between reports whether the stream stands between two frames.
func (p *framePosition) between() bool { return p.have == 0 && p.left == 0 }

// advance takes the next bytes of the stream.
func (p *framePosition) advance(b []byte) {
	for len(b) > 0 {
		if p.left > 0 {
			n := min(p.left, uint64(len(b)))
			p.left -= n
			b = b[n:]
			continue
		}
		p.header[p.have] = b[0]
		p.have++
		b = b[1:]
		if p.have >= 2 && p.have == p.headerSize() {
			p.left, p.have = p.payload(), 0
		}
	}
}

func (p *framePosition) headerSize() int {
	n := 2
	switch p.header[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if p.header[1]&0x80 != 0 {
		n += 4
	}
	return n
}

func (p *framePosition) payload() uint64 {
	switch n := p.header[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(p.header[2:]))
	case 127:
		return binary.BigEndian.Uint64(p.header[2:])
	default:
		return uint64(n)
	}
}

// goingAway is the close frame with code 1001 (RFC 6455 section 7.4.1).
func goingAway() []byte { return []byte{0x88, 2, 0x03, 0xe9} }
