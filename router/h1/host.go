package h1

import "bytes"

// MaxHost is the length of the longest host name that AppendHost lets through.
const MaxHost = 253

// validHost reports whether b is host[:port]: a registered name, an IPv4 address or a bracketed IPv6
// address, and at most five digits of port. Empty is valid (RFC 9112 section 3.2).
func validHost(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	name, port := splitPort(b)
	if len(name) == 0 || len(port) > 5 || !all(port, digitByte) {
		return false
	}
	if name[0] != '[' {
		return all(name, hostByte)
	}
	if len(name) < 4 || name[len(name)-1] != ']' {
		return false
	}
	for _, c := range name[1 : len(name)-1] {
		if classes[c]&hexByte == 0 && c != ':' && c != '.' {
			return false
		}
	}
	return true
}

// ValidName reports whether name is a host name or IPv4 address, without port.
func ValidName(name string) bool { return name != "" && all([]byte(name), hostByte) }

// splitPort splits at the colon that starts the port; without one, port is empty.
func splitPort(b []byte) (name, port []byte) {
	i := bytes.LastIndexByte(b, ':')
	if i < 0 || bytes.IndexByte(b[i:], ']') >= 0 {
		return b, nil
	}
	return b[:i], b[i+1:]
}

// AppendHost appends the name that routing goes by: host without port and trailing dot, in lower
// case. It returns an empty result for a host that is too long to be one.
func AppendHost(out, host []byte) []byte {
	name, _ := splitPort(host)
	name = bytes.TrimSuffix(name, []byte("."))
	if len(name) > MaxHost {
		return out[:0]
	}
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return out
}
