package h1

import "bytes"

// Kind tells the fields that the router acts on from those that it only passes on.
type Kind uint8

const (
	Other Kind = iota
	Host
	Connection
	ContentLength
	TransferEncoding
	Upgrade
	Expect
	TE
	KeepAlive // Keep-Alive, Proxy-Connection
	ProxyAuth // Proxy-Authenticate, Proxy-Authorization
	ForwardedFor
	ForwardedHost
	ForwardedProto
	ForwardedOther // X-Forwarded-Port and the like, X-Real-IP
	Forwarded
	RequestID
	Accept
	ContentType
	UserAgent
	H2Settings
	// Dropped is never passed on: named by Connection, or spelt so that a gateway behind the router
	// could take it for one of the above.
	Dropped
)

// Kinds is a set of kinds.
type Kinds uint32

// Set returns the set of the given kinds.
func Set(kinds ...Kind) (s Kinds) {
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// Has reports whether k is in the set.
func (s Kinds) Has(k Kind) bool { return s&(1<<k) != 0 }

// plain are the kinds that Connection may name to have them dropped: the others have rules of their own.
const plain = Kinds(1<<Other | 1<<Accept | 1<<ContentType | 1<<UserAgent)

// Field is one header line: positions in its head.
type Field struct {
	Kind  Kind
	start int32 // of the line
	colon int32
	value int32 // value without surrounding blanks
	vend  int32
	end   int32 // after CRLF
}

// Head is the bytes of a head and its fields. It refers to the bytes it was parsed from.
type Head struct {
	bytes  []byte
	Fields []Field
}

// Name returns the field's name as received.
func (h *Head) Name(f *Field) []byte { return h.bytes[f.start:f.colon] }

// Value returns the field's value without surrounding blanks.
func (h *Head) Value(f *Field) []byte { return h.bytes[f.value:f.vend] }

// Get returns the value of the first field of the kind, nil when there is none.
func (h *Head) Get(k Kind) []byte {
	for i := range h.Fields {
		if h.Fields[i].Kind == k {
			return h.Value(&h.Fields[i])
		}
	}
	return nil
}

// AppendList appends the values of all fields of the kind as one list.
func (h *Head) AppendList(out []byte, k Kind) []byte {
	first := true
	for i := range h.Fields {
		if h.Fields[i].Kind != k {
			continue
		}
		if !first {
			out = append(out, ", "...)
		}
		out = append(out, h.Value(&h.Fields[i])...)
		first = false
	}
	return out
}

// Cookie returns the value of the first cookie of the name (RFC 6265 section 4.2), nil when there is none.
func (h *Head) Cookie(name string) []byte {
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.Kind != Other || !is(h.Name(f), "cookie") {
			continue
		}
		for list := h.Value(f); len(list) > 0; {
			var pair []byte
			pair, list, _ = bytes.Cut(list, []byte(";"))
			if key, value, ok := bytes.Cut(trim(pair), []byte("=")); ok && string(key) == name {
				return value
			}
		}
	}
	return nil
}

// AppendLines appends the lines of all fields whose kind is in keep, as they were received.
func (h *Head) AppendLines(out []byte, keep Kinds) []byte {
	var from, to int32
	for i := range h.Fields {
		f := &h.Fields[i]
		if !keep.Has(f.Kind) {
			continue
		}
		if f.start != to {
			out = append(out, h.bytes[from:to]...)
			from = f.start
		}
		to = f.end
	}
	return append(out, h.bytes[from:to]...)
}

// parseFields reads the lines from at to the empty line that ends the head.
func (h *Head) parseFields(at, limit int) error {
	h.Fields = h.Fields[:0]
	for at < len(h.bytes)-2 {
		if len(h.Fields) == limit {
			return ErrManyFields
		}
		size := bytes.IndexByte(h.bytes[at:], '\n') + 1
		f, err := parseField(h.bytes[at:at+size-2], int32(at))
		if err != nil {
			return err
		}
		h.Fields = append(h.Fields, f)
		at += size
	}
	return nil
}

// parseField reads one line, given without CRLF, that starts at position at.
func parseField(line []byte, at int32) (Field, error) {
	n := 0
	for n < len(line) && classes[line[n]]&tokenByte != 0 {
		n++
	}
	if n == 0 || n == len(line) || line[n] != ':' {
		return Field{}, ErrFieldLine
	}
	from, to := n+1, len(line)
	for from < to && (line[from] == ' ' || line[from] == '\t') {
		from++
	}
	for to > from && (line[to-1] == ' ' || line[to-1] == '\t') {
		to--
	}
	if !all(line[from:to], valueByte) {
		return Field{}, ErrFieldValue
	}
	return Field{
		Kind: kindOf(line[:n]), start: at, colon: at + int32(n),
		value: at + int32(from), vend: at + int32(to), end: at + int32(len(line)) + 2,
	}, nil
}

// kindOf classifies a name. Names are compared with '_' taken for '-'; one that only matches so is Dropped.
func kindOf(name []byte) Kind {
	k := kindByLength(name)
	if k != Other && bytes.IndexByte(name, '_') >= 0 {
		return Dropped
	}
	return k
}

func kindByLength(name []byte) Kind {
	switch len(name) {
	case 2:
		return kindIf(name, "te", TE)
	case 4:
		return kindIf(name, "host", Host)
	case 5:
		return kindIf(name, "proxy", Dropped) // httpoxy
	case 6:
		return kindIf(name, "accept", Accept) | kindIf(name, "expect", Expect)
	case 7:
		return kindIf(name, "upgrade", Upgrade)
	case 9:
		return kindIf(name, "forwarded", Forwarded) | kindIf(name, "x-real-ip", ForwardedOther)
	case 10:
		return kindIf(name, "connection", Connection) | kindIf(name, "keep-alive", KeepAlive) | kindIf(name, "user-agent", UserAgent)
	case 12:
		return kindIf(name, "content-type", ContentType) | kindIf(name, "x-request-id", RequestID)
	case 14:
		return kindIf(name, "content-length", ContentLength) | kindIf(name, "http2-settings", H2Settings)
	}
	return kindOfLong(name)
}

func kindOfLong(name []byte) Kind {
	switch len(name) {
	case 15:
		return kindIf(name, "x-forwarded-for", ForwardedFor) | kindIf(name, "x-forwarded-ssl", ForwardedOther)
	case 16:
		return kindIf(name, "x-forwarded-host", ForwardedHost) | kindIf(name, "x-forwarded-port", ForwardedOther) |
			kindIf(name, "proxy-connection", KeepAlive)
	case 17:
		return kindIf(name, "transfer-encoding", TransferEncoding) | kindIf(name, "x-forwarded-proto", ForwardedProto)
	case 18:
		return kindIf(name, "proxy-authenticate", ProxyAuth) | kindIf(name, "x-forwarded-server", ForwardedOther) |
			kindIf(name, "x-forwarded-scheme", ForwardedOther) | kindIf(name, "x-forwarded-prefix", ForwardedOther)
	case 19:
		return kindIf(name, "proxy-authorization", ProxyAuth)
	}
	return Other
}

// kindIf returns k when name is lower, a lower-case string of the same length; Other, which is 0, if not.
func kindIf(name []byte, lower string, k Kind) Kind {
	for i := 0; i < len(lower); i++ {
		if lowered[name[i]] != lower[i] {
			return Other
		}
	}
	return k
}
