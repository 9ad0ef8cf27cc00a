package h1

import "bytes"

// Framing is how the end of a body is found (RFC 9112 section 6).
type Framing uint8

const (
	NoBody Framing = iota
	Sized
	Chunked
	UntilClose // responses only
)

// maxOptions bounds the names that Connection may list.
const maxOptions = 32

// Connection options seen in a head.
type options struct {
	close, keepAlive, upgrade bool
}

// framing finds how the body is framed. Whatever could be read in two ways is an error.
func (h *Head) framing(minor int) (Framing, int64, error) {
	var length, coding *Field
	for i := range h.Fields {
		f := &h.Fields[i]
		switch f.Kind {
		case ContentLength:
			if length != nil {
				return 0, 0, ErrManyLengths
			}
			length = f
		case TransferEncoding:
			if coding != nil {
				return 0, 0, ErrCoding
			}
			coding = f
		}
	}
	if coding == nil {
		return h.sized(length)
	}
	return h.coded(minor, length, coding)
}

func (h *Head) sized(length *Field) (Framing, int64, error) {
	if length == nil {
		return NoBody, 0, nil
	}
	n, ok := parseLength(h.Value(length))
	if !ok {
		return 0, 0, ErrLength
	}
	return Sized, n, nil
}

func (h *Head) coded(minor int, length, coding *Field) (Framing, int64, error) {
	switch {
	case length != nil:
		return 0, 0, ErrLengthCoding
	case minor == 0:
		return 0, 0, ErrOldCoding
	case !is(h.Value(coding), "chunked"):
		return 0, 0, ErrCoding
	}
	return Chunked, 0, nil
}

// parseLength reads 1*DIGIT without overflow.
func parseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// connection reads the Connection fields and drops the fields they name (RFC 9110 section 7.6.1).
func (h *Head) connection() (o options, err error) {
	left := maxOptions
	for i := range h.Fields {
		if h.Fields[i].Kind != Connection {
			continue
		}
		list := h.Value(&h.Fields[i])
		for len(list) > 0 {
			var option []byte
			option, list, _ = bytes.Cut(list, []byte(","))
			if left--; left < 0 {
				return o, ErrConnection
			}
			if err := h.option(&o, trim(option)); err != nil {
				return o, err
			}
		}
	}
	return o, nil
}

func (h *Head) option(o *options, name []byte) error {
	switch {
	case len(name) == 0:
	case !all(name, tokenByte):
		return ErrConnection
	case is(name, "close"):
		o.close = true
	case is(name, "keep-alive"):
		o.keepAlive = true
	case is(name, "upgrade"):
		o.upgrade = true
	default:
		h.drop(name)
	}
	return nil
}

// drop keeps the fields called name from being passed on.
func (h *Head) drop(name []byte) {
	for i := range h.Fields {
		f := &h.Fields[i]
		if plain.Has(f.Kind) && bytes.EqualFold(h.Name(f), name) {
			f.Kind = Dropped
		}
	}
}
