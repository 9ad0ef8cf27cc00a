package h1

import "bytes"

// Request is the head of a request. It refers to the bytes it was parsed from.
type Request struct {
	Head
	Method []byte
	// Target is what goes into the request line of the next hop: origin form, or "*".
	Target []byte
	// Host is the authority asked for (the target's, if it has one, before the Host field's). May be empty.
	Host  []byte
	Minor int // HTTP/1.Minor, 0 or 1

	Framing Framing
	Length  int64 // of a Sized body

	KeepAlive bool   // the client wants the connection kept
	Continue  bool   // the client waits for 100 (Continue) before it sends the body
	Upgrade   []byte // protocols the client wants to change to; nil when it does not
	Trailers  bool   // the client takes trailers (TE: trailers)
}

// Parse reads head, which must be one whole head as delimited by Scan, with at most limit fields.
// Errors are *Error.
func (r *Request) Parse(head []byte, limit int) error {
	*r = Request{Head: Head{bytes: head, Fields: r.Fields}}
	size := bytes.IndexByte(head, '\n') + 1
	if err := r.requestLine(head[:size-2]); err != nil {
		return err
	}
	if err := r.parseFields(size, limit); err != nil {
		return err
	}
	if err := r.target(); err != nil {
		return err
	}
	var err error
	if r.Framing, r.Length, err = r.framing(r.Minor); err != nil {
		return err
	}
	return r.semantics()
}

func (r *Request) requestLine(line []byte) error {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(method) == 0 || !all(method, tokenByte) {
		return ErrRequestLine
	}
	target, version, ok := bytes.Cut(rest, []byte(" "))
	if !ok || len(target) == 0 {
		return ErrRequestLine
	}
	r.Method, r.Target = method, target
	switch string(version) {
	case "HTTP/1.1":
		r.Minor = 1
		return nil
	case "HTTP/1.0":
		return nil
	}
	if len(version) == 8 && string(version[:5]) == "HTTP/" && version[6] == '.' && all(version[5:6], digitByte) && all(version[7:], digitByte) {
		return ErrVersion
	}
	return ErrRequestLine
}

// target checks the request target (RFC 9112 section 3.2) and finds the host.
func (r *Request) target() error {
	if err := r.hostField(); err != nil {
		return err
	}
	switch {
	case string(r.Method) == "CONNECT":
		return ErrConnectMethod
	case r.Target[0] == '/':
	case len(r.Target) == 1 && r.Target[0] == '*':
		if string(r.Method) != "OPTIONS" {
			return ErrTarget
		}
		return nil
	default:
		if err := r.absolute(); err != nil {
			return err
		}
	}
	if !validPath(r.Target) {
		return ErrTarget
	}
	return nil
}

func (r *Request) hostField() error {
	found := false
	for i := range r.Fields {
		if r.Fields[i].Kind != Host {
			continue
		}
		if found {
			return ErrManyHosts
		}
		found, r.Host = true, r.Value(&r.Fields[i])
	}
	if !found && r.Minor == 1 {
		return ErrNoHost
	}
	if !validHost(r.Host) {
		return ErrHost
	}
	return nil
}

// absolute turns the absolute form into origin form; its authority replaces the Host field (RFC 9112
// section 3.2.2).
func (r *Request) absolute() error {
	scheme, rest, ok := bytes.Cut(r.Target, []byte("://"))
	if !ok || !(is(scheme, "http") || is(scheme, "https")) {
		return ErrTarget
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host, path := rest[:end], rest[end:]
	if len(host) == 0 || !validHost(host) {
		return ErrTarget
	}
	r.Host = host
	switch {
	case len(path) == 0 && string(r.Method) == "OPTIONS":
		path = []byte("*")
	case len(path) == 0 || path[0] == '?':
		path = append([]byte("/"), path...)
	}
	r.Target = path
	return nil
}

// validPath reports whether b is a path and query without malformed escapes in the path.
func validPath(b []byte) bool {
	inQuery := false
	for i, c := range b {
		switch {
		case classes[c]&targetByte == 0:
			return false
		case c == '?':
			inQuery = true
		case c == '%' && !inQuery:
			if len(b)-i < 3 || !all(b[i+1:i+3], hexByte) {
				return false
			}
		}
	}
	return true
}

// semantics reads what the fields ask of the connection.
func (r *Request) semantics() error {
	o, err := r.connection()
	if err != nil {
		return err
	}
	r.KeepAlive = !o.close && (r.Minor == 1 || o.keepAlive)
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Kind {
		case Upgrade:
			if o.upgrade && r.Minor == 1 && r.Upgrade == nil {
				r.Upgrade = r.Value(f)
			}
		case Expect:
			if r.Minor == 1 && !is(r.Value(f), "100-continue") {
				return ErrExpectation
			}
			r.Continue = r.Minor == 1
		case TE:
			r.Trailers = r.Trailers || listHas(r.Value(f), "trailers")
		}
	}
	return r.upgrade()
}

// upgrade takes back an upgrade that cannot be: h2c would open a way past the router's checks, and a
// request with a body would leave bytes between the two protocols.
func (r *Request) upgrade() error {
	if r.Upgrade == nil {
		return nil
	}
	if listHas(r.Upgrade, "h2c") || r.Framing == Chunked || r.Length > 0 {
		r.Upgrade = nil
	}
	return nil
}

// listHas reports whether the comma-separated list has the lower-case member name.
func listHas(list []byte, name string) bool {
	for len(list) > 0 {
		var member []byte
		member, list, _ = bytes.Cut(list, []byte(","))
		if is(trim(member), name) {
			return true
		}
	}
	return false
}

// Idempotent reports whether a request may be sent again when nothing of an answer to the first was
// received (RFC 9110 section 9.2.2).
func (r *Request) Idempotent() bool {
	switch string(r.Method) {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}
