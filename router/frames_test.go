package router

import (
	"encoding/binary"
	"testing"
)

// wsFrame makes a frame with so many bytes of payload.
func wsFrame(n int, masked bool) []byte {
	b := []byte{0x82, 0}
	switch {
	case n < 126:
		b[1] = byte(n)
	case n < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if masked {
		b[1] |= 0x80
		b = append(b, 1, 2, 3, 4)
	}
	return append(b, make([]byte, n)...)
}

// FuzzFramePosition holds that the place does not depend on where the packets break.
func FuzzFramePosition(f *testing.F) {
	f.Add([]byte("\x81\x05hello\x88\x02\x03\xe9"), 1)
	f.Add([]byte("\x82\x7e\x00\x03abc\x82\xff\x00\x00\x00\x00\x00\x00\x00\x01mask!"), 3)
	f.Fuzz(func(t *testing.T, in []byte, step int) {
		var whole, pieces framePosition
		whole.advance(in)
		for rest := in; len(rest) > 0; {
			n := min(max(step, 1), len(rest))
			pieces.advance(rest[:n])
			rest = rest[n:]
		}
		if whole.between() != pieces.between() || whole.left != pieces.left || whole.have != pieces.have {
			t.Fatalf("%q: %+v, in steps of %d %+v", in, whole, step, pieces)
		}
	})
}

func TestThePlaceBetweenTwoFramesIsFoundWhereverThePacketsBreak(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 300, 65535, 65536, 70000} {
		for _, masked := range []bool{false, true} {
			frame := wsFrame(size, masked)
			for _, step := range []int{1, 7, len(frame)} {
				var p framePosition
				for at := 0; at < len(frame); at += step {
					if at > 0 && p.between() {
						t.Fatalf("size %d, step %d: %d bytes taken for a frame", size, step, at)
					}
					p.advance(frame[at:min(at+step, len(frame))])
				}
				if !p.between() {
					t.Errorf("size %d, step %d: the frame did not end", size, step)
				}
			}
		}
	}
}
