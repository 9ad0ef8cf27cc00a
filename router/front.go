package router

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"csph/router/h1"
)

// Front knows how hosts with certificates of their own are served. It is asked about every request, before
// the table is; a nil Front knows none. Host names are in the table's form. Arguments must not be kept.
type Front interface {
	// Challenge returns what a certificate authority that validates host looks for at path (RFC 8555
	// section 8.3); false when it is for nobody's order. It is asked only below /.well-known/acme-challenge/.
	Challenge(host, path []byte) (answer []byte, ok bool)
	// Policy reports whether plain HTTP for host is redirected to HTTPS, and the value of
	// Strict-Transport-Security on answers over HTTPS, empty for none. It must not block.
	Policy(host []byte) (secure bool, hsts string)
	// Port is where HTTPS is in URLs, "" for the standard port.
	Port() string
}

const challengePath = "/.well-known/acme-challenge/"

// fronted answers a request over plain HTTP that is not for a target: an authority's validation, or one
// that belongs on HTTPS. It reports whether it has. Validations are never redirected.
func (s *session) fronted(head int) bool {
	f := s.r.front
	if f == nil || s.secure || s.trusted && string(s.req.Get(h1.ForwardedProto)) == "https" {
		return false
	}
	if bytes.HasPrefix(s.req.Target, []byte(challengePath)) {
		text, ok := f.Challenge(s.name, s.req.Target)
		if !ok || string(s.req.Method) != "GET" {
			return false
		}
		s.client.consume(head)
		s.reply(http.StatusOK, s.plainAnswer(http.StatusOK, "Content-Type: application/octet-stream", text))
		return true
	}
	if secure, _ := f.Policy(s.name); !secure {
		return false
	}
	location := s.secureURL(f.Port())
	s.client.consume(head)
	s.reply(http.StatusPermanentRedirect, s.plainAnswer(http.StatusPermanentRedirect, "Location: "+location, nil))
	return true
}

// secureURL is the request's URL over HTTPS. 308 keeps method and body (RFC 9110 section 15.4.9).
func (s *session) secureURL(port string) string {
	url := "https://" + string(s.name)
	if port != "" {
		url += ":" + port
	}
	if len(s.req.Target) == 0 || s.req.Target[0] != '/' {
		return url + "/"
	}
	return url + string(s.req.Target)
}

// plainAnswer is an answer of the router with one field and a body, for whoever keeps the connection or not.
func (s *session) plainAnswer(status int, field string, body []byte) func(keep bool) []byte {
	return func(keep bool) []byte {
		out := append([]byte("HTTP/1.1 "), strconv.Itoa(status)+" "+http.StatusText(status)...)
		out = append(out, "\r\nDate: "+time.Now().UTC().Format(http.TimeFormat)+"\r\n"+field...)
		out = append(out, "\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\nX-Request-Id: "...)
		out = append(out, s.requestID...)
		if !keep {
			out = append(out, "\r\nConnection: close"...)
		}
		out = append(out, "\r\n\r\n"...)
		if s.head {
			return out
		}
		return append(out, body...)
	}
}

// appendHSTS tells clients over HTTPS to stay there, where the host's owner wants it (RFC 6797 section 7.1).
func (s *session) appendHSTS(b []byte) []byte {
	if s.r.front == nil || !s.secure {
		return b
	}
	if _, hsts := s.r.front.Policy(s.name); hsts != "" {
		b = append(b, "Strict-Transport-Security: "...)
		b = append(b, hsts...)
		b = append(b, "\r\n"...)
	}
	return b
}
