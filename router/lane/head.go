package lane

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"csph/router/h1"
)

// Reasons to refuse a request that HTTP/1.1 could not carry, besides those of h1. They are never changed.
var (
	errMethod     = &h1.Error{Status: 400, Reason: "malformed method"}
	errConnection = &h1.Error{Status: 400, Reason: "a header that only HTTP/1.1 has"}
	errProtocol   = &h1.Error{Status: 501, Reason: "unknown :protocol"}
	errBody       = &h1.Error{Status: 400, Reason: "the body broke off"}
)

// tunnelProtocol is the one protocol that a connection can change to (RFC 8441, RFC 9220).
const tunnelProtocol = "websocket"

// AppendHead appends the head of the request as HTTP/1.1 has it: never more than one head, whatever the
// client put into it, and with a framing that is true. An extended CONNECT becomes an upgrade. It may
// wait for the first bytes of a body whose length was not told, which is what decides whether there is
// one. The error is *h1.Error.
func (c *Conn) AppendHead(b []byte) ([]byte, error) {
	q := c.req
	method, protocol := q.Method, protocolOf(q)
	if method == http.MethodConnect {
		if protocol == "" {
			return b, h1.ErrConnectMethod
		}
		if protocol != tunnelProtocol {
			return b, errProtocol
		}
		method, c.answer.tunnel = http.MethodGet, true
	}
	if !httpguts.ValidHeaderFieldName(method) {
		return b, errMethod
	}
	if !validTarget(q.RequestURI) {
		return b, h1.ErrTarget
	}
	if strings.ContainsFunc(q.Host, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return b, h1.ErrHost
	}
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, q.RequestURI...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, q.Host...)
	b = append(b, "\r\n"...)
	b, err := appendFields(b, q.Header)
	if err != nil {
		return b, err
	}
	if c.answer.tunnel {
		b = appendUpgrade(b, q.Header)
		return append(b, "\r\n"...), nil
	}
	b, err = c.appendFraming(b)
	return append(b, "\r\n"...), err
}

// protocolOf returns the :protocol of an extended CONNECT: golang.org/x/net hands it over as a field,
// quic-go as the protocol's version.
func protocolOf(q *http.Request) string {
	if q.Method != http.MethodConnect {
		return ""
	}
	if p := q.Header[":protocol"]; len(p) > 0 {
		return p[0]
	}
	if strings.HasPrefix(q.Proto, "HTTP/") {
		return ""
	}
	return q.Proto
}

// validTarget lets nothing through that would end a request line early. What is left is the parser's.
func validTarget(s string) bool {
	if s == "" || s[0] != '/' && s != "*" {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// appendFields appends all fields but those that frame the body.
func appendFields(b []byte, h http.Header) ([]byte, error) {
	for name, values := range h {
		switch name {
		case ":protocol", "Content-Length", "Host", "Trailer":
			continue
		case "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade":
			return b, errConnection
		case "Te":
			if len(values) != 1 || values[0] != "trailers" && values[0] != "" {
				return b, errConnection
			}
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldName(name) {
				return b, h1.ErrFieldLine
			}
			if !httpguts.ValidHeaderFieldValue(v) {
				return b, h1.ErrFieldValue
			}
			b = appendField(b, name, v)
		}
	}
	return b, nil
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// appendUpgrade appends what a websocket of HTTP/1.1 asks for and one of HTTP/2 does not (RFC 8441
// section 5).
func appendUpgrade(b []byte, h http.Header) []byte {
	b = append(b, "Connection: Upgrade\r\nUpgrade: "+tunnelProtocol+"\r\n"...)
	if h.Get("Sec-Websocket-Key") != "" {
		return b
	}
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	return appendField(b, "Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(key[:]))
}

// appendFraming says how the body is framed. A length that is not that of the body is refused.
func (c *Conn) appendFraming(b []byte) ([]byte, error) {
	length := c.req.ContentLength
	if told := c.req.Header["Content-Length"]; len(told) > 0 {
		if len(told) > 1 {
			return b, h1.ErrManyLengths
		}
		if told[0] != strconv.FormatInt(length, 10) {
			return b, h1.ErrLength
		}
		return appendField(b, "Content-Length", told[0]), nil
	}
	if length < 0 && slices.Contains(bodiless(), c.req.Method) {
		n, err := c.peek(c.req)
		if err != nil && err != io.EOF {
			return b, errBody
		}
		if n == 0 {
			length = 0
		}
	}
	if length >= 0 {
		return b, nil
	}
	c.chunked = true
	b = append(b, "Transfer-Encoding: chunked\r\n"...)
	for name := range c.req.Trailer {
		if httpguts.ValidTrailerHeader(name) {
			b = appendField(b, "Trailer", name)
		}
	}
	return b, nil
}

// bodiless are the methods whose requests mostly have no body, so that it is worth a look.
func bodiless() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete, http.MethodTrace}
}
