package router

import "golang.org/x/net/http2"

const (
	frameHead = 9 // bytes of a frame before its payload
	pingSize  = 8
)

// framePosition2 follows the frames that go one way of HTTP/2 (RFC 9113 section 4.1), to know when a frame of our
// own may be put between two of them, and what the last ones were.
type framePosition2 struct {
	preface int  // bytes still to come before the first frame
	block   bool // the next frame goes on with a header block, which nothing may interrupt (section 6.10)
	away    bool // there was a GOAWAY

	seen [frameHead + pingSize]byte // of the last frame, as far as it fits
	have int                        // bytes seen
	left int                        // bytes of payload to come
}

// whole reports whether a frame has just ended.
func (p *framePosition2) whole() bool { return p.have >= frameHead && p.left == 0 }

// between reports whether the stream stands behind a frame, where another may follow that belongs to neither.
func (p *framePosition2) between() bool { return p.whole() && !p.block }

// step takes the next bytes of the stream, none that are behind the end of a frame, and returns how many.
func (p *framePosition2) step(b []byte) (n int) {
	if p.preface > 0 {
		n = min(p.preface, len(b))
		p.preface -= n
		return n
	}
	if p.whole() {
		p.have = 0
	}
	if p.have < frameHead {
		n = copy(p.seen[p.have:frameHead], b)
		if p.have += n; p.have == frameHead {
			p.left = int(p.seen[0])<<16 | int(p.seen[1])<<8 | int(p.seen[2])
		}
	} else {
		n = min(p.left, len(b))
		p.have += copy(p.seen[p.have:], b[:n])
		p.left -= n
	}
	if p.whole() {
		p.note()
	}
	return n
}

// note keeps what matters of the frame that has ended.
func (p *framePosition2) note() {
	switch http2.FrameType(p.seen[3]) {
	case http2.FrameHeaders, http2.FramePushPromise, http2.FrameContinuation:
		p.block = !http2.Flags(p.seen[4]).Has(http2.FlagHeadersEndHeaders) // the same bit of all three
	case http2.FrameGoAway:
		p.away = true
	}
}

// advance takes the next bytes of the stream.
func (p *framePosition2) advance(b []byte) {
	for len(b) > 0 {
		b = b[p.step(b):]
	}
}

// acknowledges reports whether the frame that has just ended answers a PING with that payload.
func (p *framePosition2) acknowledges(ping [pingSize]byte) bool {
	return p.whole() && p.have == len(p.seen) && [pingSize]byte(p.seen[frameHead:]) == ping &&
		http2.FrameType(p.seen[3]) == http2.FramePing && http2.Flags(p.seen[4]).Has(http2.FlagPingAck)
}
