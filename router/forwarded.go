package router

import (
	"bytes"
	"net/netip"

	"csph/router/h1"
)

// appendForwarded says where the request came from. What clients claim themselves counts only from
// trusted proxies.
func (s *session) appendForwarded(b []byte) []byte {
	var from, host, proto []byte
	if s.trusted {
		from, host, proto = s.req.Get(h1.ForwardedFor), s.req.Get(h1.ForwardedHost), s.req.Get(h1.ForwardedProto)
	}
	b = append(b, "X-Forwarded-For: "...)
	if len(from) > 0 {
		b = s.req.AppendList(b, h1.ForwardedFor)
		b = append(b, ", "...)
	}
	b = append(b, s.peerText...)
	b = append(b, "\r\nX-Forwarded-Host: "...)
	if len(host) == 0 {
		host = s.req.Host
	}
	b = append(b, host...)
	b = append(b, "\r\nX-Forwarded-Proto: "...)
	switch {
	case len(proto) > 0:
		b = append(b, proto...)
	case s.secure:
		b = append(b, "https"...)
	default:
		b = append(b, "http"...)
	}
	b = append(b, "\r\nX-Request-Id: "...)
	b = append(b, s.requestID...)
	b = append(b, "\r\n"...)
	if len(from) > 0 && s.req.Get(h1.Forwarded) == nil {
		return b // the proxies before this one do not speak Forwarded: one element would look like all
	}
	return s.appendStandard(b)
}

// appendStandard says the same in the form of RFC 7239: an element for this hop.
func (s *session) appendStandard(b []byte) []byte {
	b = append(b, "Forwarded: "...)
	if before := s.req.Get(h1.Forwarded); s.trusted && len(before) > 0 {
		b = s.req.AppendList(b, h1.Forwarded)
		b = append(b, ", "...)
	}
	b = append(b, "for="...)
	switch {
	case s.peer.Is4():
		b = append(b, s.peerText...)
	case s.peer.IsValid():
		b = append(b, `"[`...)
		b = append(b, s.peerText...)
		b = append(b, `]"`...)
	default:
		b = append(b, "unknown"...)
	}
	if len(s.req.Host) > 0 { // of bytes that need no escape
		b = append(b, `;host="`...)
		b = append(b, s.req.Host...)
		b = append(b, '"')
	}
	if s.secure {
		return append(b, ";proto=https\r\n"...)
	}
	return append(b, ";proto=http\r\n"...)
}

// asker returns whose request it is: the last address in X-Forwarded-For that is not a trusted proxy's,
// where the connection itself is one's.
func (s *session) asker() netip.Addr {
	from := s.peer
	if !s.trusted {
		return from
	}
	list := s.req.AppendList(nil, h1.ForwardedFor)
	for len(list) > 0 && contains(s.r.trusted, from) {
		at := bytes.LastIndexByte(list, ',')
		before, err := netip.ParseAddr(string(bytes.TrimSpace(list[at+1:])))
		if err != nil {
			break // what is no address cannot be followed
		}
		from, list = before.Unmap().WithZone(""), list[:max(at, 0)]
	}
	return from
}
