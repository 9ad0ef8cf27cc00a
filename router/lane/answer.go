package lane

import (
	"errors"
	"net/http"
	"strconv"

	"csph/router/h1"
)

// answerFields bounds the fields of an answer: the router has counted them already.
const answerFields = 1 << 12

// errAnswer is the error for bytes that are no answer, or more than one.
var errAnswer = errors.New("not the bytes of one answer")

type answerState uint8

const (
	inHead answerState = iota
	inSized
	inChunks
	inTrailers
	inTunnel
	atEnd
)

// answer turns the bytes of an HTTP/1.1 answer into calls of a ResponseWriter as they arrive.
type answer struct {
	head   bool // the method is HEAD
	tunnel bool // the client asked for another protocol
	state  answerState
	resp   h1.Response
	scan   h1.Scan
	held   []byte // of a head or trailer section that is not there in full
	left   int64
	chunks h1.Chunks
}

// Write takes the bytes of the answer, as HTTP/1.1 has them, and passes them on at once.
func (c *Conn) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n, err := c.step(rest)
		if err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	if c.state == inHead || c.whole.Load() {
		return len(p), nil // what is written last leaves with the end of the stream, when the handler returns
	}
	return len(p), c.ctl.Flush()
}

// step takes some of the bytes, at least one.
func (c *Conn) step(p []byte) (int, error) {
	switch c.state {
	case inHead:
		return c.takeHead(p)
	case inSized:
		return c.takeSized(p)
	case inChunks:
		return c.takeChunk(p)
	case inTrailers:
		return c.takeTrailers(p)
	case inTunnel:
		return c.w.Write(p)
	}
	return 0, errAnswer
}

// section gathers a head or trailer section. It returns the section once it is there, and how much of
// p was taken.
func (c *Conn) section(p []byte) (whole []byte, taken int, err error) {
	whole = p
	if before := len(c.held); before > 0 {
		c.held = append(c.held, p...)
		whole, taken = c.held, -before
	}
	n, err := c.scan.End(whole)
	if err != nil {
		return nil, 0, err
	}
	if n == 0 {
		if len(c.held) == 0 {
			c.held = append(c.held, p...)
		}
		return nil, len(p), nil
	}
	c.scan = h1.Scan{}
	c.held = nil
	return whole[:n], taken + n, nil
}

func (c *Conn) takeHead(p []byte) (int, error) {
	head, n, err := c.section(p)
	if err != nil || head == nil {
		return n, err
	}
	method := []byte(nil)
	if c.head {
		method = []byte(http.MethodHead)
	}
	if err := c.resp.Parse(head, answerFields, method); err != nil {
		return 0, err
	}
	c.setHeader()
	switch {
	case c.resp.Status == http.StatusSwitchingProtocols:
		return n, c.switchProtocols()
	case c.resp.Status < 200:
		c.w.WriteHeader(c.resp.Status)
		clear(c.w.Header())
		return n, nil
	case c.tunnel && c.resp.Status < 300:
		return 0, errAnswer // what did not change protocols must not look as if it had
	}
	c.w.WriteHeader(c.resp.Status)
	return n, c.begin()
}

// setHeader copies the fields that concern more than the connection.
func (c *Conn) setHeader() {
	h := c.w.Header()
	r := &c.resp
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Kind {
		case h1.Connection, h1.KeepAlive, h1.TransferEncoding, h1.Upgrade, h1.ContentLength:
			continue
		}
		name := canonical(&r.Head, f)
		if name == "Trailer" {
			continue // a field of the same name would be taken for the trailer
		}
		h[name] = append(h[name], string(r.Value(f)))
	}
	if r.Status < 200 {
		return
	}
	if r.Length >= 0 && (r.Framing == h1.Sized || r.Framing == h1.NoBody) {
		h["Content-Length"] = []string{strconv.FormatInt(r.Length, 10)}
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // not to be guessed
	}
}

// switchProtocols tells the client that the tunnel stands (RFC 8441 section 5).
func (c *Conn) switchProtocols() error {
	if !c.tunnel {
		return errAnswer
	}
	h := c.w.Header()
	delete(h, "Sec-Websocket-Accept")
	h["Content-Type"] = nil
	c.w.WriteHeader(http.StatusOK)
	c.state = inTunnel
	return c.ctl.Flush()
}

// begin gets ready for the body.
func (c *Conn) begin() error {
	switch r := &c.resp; r.Framing {
	case h1.NoBody:
		c.finish()
	case h1.Sized:
		c.state, c.left = inSized, r.Length
		if r.Length == 0 {
			c.finish()
		}
	case h1.Chunked:
		c.state = inChunks
	default:
		return errAnswer
	}
	return nil
}

func (c *Conn) finish() {
	c.state = atEnd
	c.whole.Store(true)
}

func (c *Conn) takeSized(p []byte) (int, error) {
	p = p[:min(int64(len(p)), c.left)]
	n, err := c.w.Write(p)
	if c.left -= int64(n); c.left == 0 && err == nil {
		c.finish()
	}
	return n, err
}

func (c *Conn) takeChunk(p []byte) (int, error) {
	framing, data, err := c.chunks.Next(p)
	if err != nil {
		return 0, err
	}
	if data > 0 {
		if _, err := c.w.Write(p[framing : framing+data]); err != nil {
			return 0, err
		}
	}
	if c.chunks.Ended() {
		c.state, c.scan = inTrailers, h1.Scan{Trailers: true}
	}
	return framing + data, nil
}

func (c *Conn) takeTrailers(p []byte) (int, error) {
	section, n, err := c.section(p)
	if err != nil || section == nil {
		return n, err
	}
	var t h1.Trailers
	if err := t.Parse(section, answerFields); err != nil {
		return 0, err
	}
	h := c.w.Header()
	for i := range t.Fields {
		name := http.TrailerPrefix + canonical(&t.Head, &t.Fields[i])
		h[name] = append(h[name], string(t.Value(&t.Fields[i])))
	}
	c.finish()
	return n, nil
}
