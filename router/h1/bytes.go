package h1

// Classes of bytes (RFC 9110 section 5.6, RFC 3986). One table, one bit a class.
const (
	tokenByte  = 1 << iota // tchar
	valueByte              // field value: VCHAR, obs-text, SP, HTAB
	targetByte             // request target: visible, not a fragment; obs-text is let through
	hostByte               // registered name or IPv4 address
	digitByte
	hexByte
)

var classes = classify()

func classify() (t [256]uint8) {
	for c := 0; c < 256; c++ {
		if c == '\t' || (c >= ' ' && c != 0x7f) {
			t[c] |= valueByte
		}
		if c > ' ' && c != 0x7f && c != '#' {
			t[c] |= targetByte
		}
	}
	mark(&t, digitByte|hexByte|tokenByte|hostByte, "0123456789")
	mark(&t, hexByte, "abcdefABCDEF")
	mark(&t, tokenByte|hostByte, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	mark(&t, tokenByte, "!#$%&'*+-.^_`|~")
	mark(&t, hostByte, "-._")
	return t
}

func mark(t *[256]uint8, class uint8, bytes string) {
	for i := 0; i < len(bytes); i++ {
		t[bytes[i]] |= class
	}
}

// all reports whether every byte of b is of the class.
func all(b []byte, class uint8) bool {
	for _, c := range b {
		if classes[c]&class == 0 {
			return false
		}
	}
	return true
}

// lowered maps ASCII letters to lower case and '_' to '-': the form in which applications behind
// CGI-like gateways cannot tell names apart.
var lowered = lower()

func lower() (t [256]byte) {
	for c := range t {
		t[c] = byte(c)
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) + 'a' - 'A'
	}
	t['_'] = '-'
	return t
}

// is reports whether b equals lower, a lower-case string, ignoring ASCII case.
func is(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// trim removes blanks (SP, HTAB) from both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
