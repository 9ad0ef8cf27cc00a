package h1

import "bytes"

// Response is the head of a response. It refers to the bytes it was parsed from.
type Response struct {
	Head
	Status int
	Reason []byte
	Minor  int

	Framing   Framing
	Length    int64 // of a Sized body; of the absent body in answers to HEAD and in 304, -1 when not told
	KeepAlive bool  // the server keeps the connection
	Upgrade   []byte
}

// Parse reads head, which must be one whole head as delimited by Scan, of the answer to a request
// with the given method. Errors are *Error; their status is meant for nobody.
func (r *Response) Parse(head []byte, limit int, method []byte) error {
	*r = Response{Head: Head{bytes: head, Fields: r.Fields}}
	size := bytes.IndexByte(head, '\n') + 1
	if err := r.statusLine(head[:size-2]); err != nil {
		return err
	}
	if err := r.parseFields(size, limit); err != nil {
		return err
	}
	if err := r.body(method); err != nil {
		return err
	}
	o, err := r.connection()
	if err != nil {
		return err
	}
	r.KeepAlive = !o.close && (r.Minor == 1 || o.keepAlive) && r.Framing != UntilClose
	if o.upgrade {
		r.Upgrade = r.Get(Upgrade)
	}
	return nil
}

// statusLine reads "HTTP/1.x NNN reason"; the reason may be missing with its blank.
func (r *Response) statusLine(line []byte) error {
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return ErrStatusLine
	}
	if line[7] != '0' && line[7] != '1' {
		return ErrStatusLine
	}
	r.Minor = int(line[7] - '0')
	status, ok := parseLength(line[9:12])
	if !ok || status < 100 || status > 599 {
		return ErrStatusLine
	}
	r.Status = int(status)
	if len(line) == 12 {
		return nil
	}
	if line[12] != ' ' || !all(line[13:], valueByte) {
		return ErrStatusLine
	}
	r.Reason = line[13:]
	return nil
}

// body finds how the body is framed (RFC 9112 section 6.3).
func (r *Response) body(method []byte) error {
	framing, length, err := r.framing(r.Minor)
	if err != nil {
		return err
	}
	switch {
	case r.Status < 200 || r.Status == 204:
		r.Framing, r.Length = NoBody, -1
	case r.Status == 304 || string(method) == "HEAD":
		r.Framing, r.Length = NoBody, -1
		if framing == Sized {
			r.Length = length
		}
	case framing == NoBody:
		r.Framing, r.Length = UntilClose, -1
	default:
		r.Framing, r.Length = framing, length
	}
	return nil
}

// Stream reports whether the answer is of a type that goes on for as long as the client listens.
func (r *Response) Stream() bool {
	t := r.Get(ContentType)
	for _, stream := range [...]string{"text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace", "application/grpc"} {
		if len(t) >= len(stream) && is(t[:len(stream)], stream) {
			return true
		}
	}
	return false
}

// IsGRPC reports whether a Content-Type is that of gRPC over HTTP/2; gRPC-Web is not.
func IsGRPC(kind []byte) bool {
	const grpc = "application/grpc"
	if len(kind) < len(grpc) || !is(kind[:len(grpc)], grpc) {
		return false
	}
	return len(kind) == len(grpc) || kind[len(grpc)] == '+' || kind[len(grpc)] == ';'
}

// IsWebsocket reports whether an Upgrade value names the websocket protocol.
func IsWebsocket(upgrade []byte) bool { return is(upgrade, "websocket") }
