package router

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// page is an answer of the router itself.
type page struct {
	status int
	code   string // for machines
	title  string
	text   string // what happened and what to do; one sentence
}

func page404() page {
	return page{404, "unknown_host", "There is nothing here", "No service is reached by this host name. If you expected one, check the name, or add the domain to its service."}
}

func page502() page {
	return page{502, "bad_gateway", "The application failed to answer", "It was reached but broke off, or sent something that is not HTTP. Its log says more; quote the request id."}
}

func page503() page {
	return page{503, "not_live", "No version is live", "The service exists, but nothing of it is running right now. Try again in a moment."}
}

func pageUnreachable() page {
	return page{502, "unreachable", "The application cannot be reached", "It does not accept connections. Its log says why; quote the request id."}
}

func page504() page {
	return page{504, "timeout", "The application took too long", "It accepted the request and did not answer in time. Quote the request id when you look for it in the log."}
}

// pageRefused answers a request that is not valid HTTP or not wanted.
func pageRefused(status int, reason string) page {
	return page{status, "bad_request", http.StatusText(status), "The request was refused: " + reason + "."}
}

// append appends the whole answer. JSON is used when the client asks for it.
func (p page) append(out []byte, requestID string, json, head, keep bool) []byte {
	kind, body := "text/html; charset=utf-8", p.html(requestID)
	if json {
		kind, body = "application/json", p.json(requestID)
	}
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(p.status), 10)
	out = append(out, ' ')
	out = append(out, http.StatusText(p.status)...)
	out = append(out, "\r\nDate: "...)
	out = time.Now().UTC().AppendFormat(out, http.TimeFormat)
	out = append(out, "\r\nContent-Type: "...)
	out = append(out, kind...)
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(body)), 10)
	out = append(out, "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: "...)
	out = append(out, requestID...)
	out = append(out, p.extra()...)
	if !keep {
		out = append(out, "\r\nConnection: close"...)
	}
	out = append(out, "\r\n\r\n"...)
	if head {
		return out
	}
	return append(out, body...)
}

// extra is what some statuses must carry besides (RFC 9110).
func (p page) extra() string {
	switch p.status {
	case 405:
		return "\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
	case 503:
		return "\r\nRetry-After: 2"
	}
	return ""
}

func (p page) json(requestID string) string {
	return fmt.Sprintf(`{"status":%d,"code":%q,"title":%q,"detail":%q,"request_id":%q}`+"\n", p.status, p.code, p.title, p.text, requestID)
}

func (p page) html(requestID string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n<title>%d %s</title>\n", p.status, p.title)
	b.WriteString("<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em;color:#222}small{color:#777}</style>\n")
	fmt.Fprintf(&b, "<h1>%s</h1>\n<p>%s</p>\n<p><small>%d · request %s</small></p>\n</html>\n", p.title, p.text, p.status, requestID)
	return b.String()
}
