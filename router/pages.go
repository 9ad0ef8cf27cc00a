package router

import (
	"bytes"
	"fmt"
	"html"
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

// absent answers for a service without targets.
func absent(why Absence) page {
	switch why {
	case Starting:
		return page{503, "starting", "The application is starting", "Its new version is not ready yet. Try again in a moment."}
	case Failing:
		return page{503, "failing", "The application is failing", "None of its spherelets is able to serve; csph goes on starting them. Its log says more; quote the request id."}
	case Suspended:
		return page{503, "suspended", "The application is suspended", "Its owner has stopped it, and can resume it."}
	}
	return page{503, "not_live", "No version is live", "The application has no version that runs. Try again in a moment."}
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

// form is what a page looks like.
type form uint8

const (
	asText form = iota
	asHTML
	asJSON
)

// formFor returns the form for a client by its Accept field: programs that ask for JSON get JSON,
// browsers, which name HTML, get HTML, and whoever does not say gets text.
func formFor(accept []byte) form {
	page, data := bytes.Index(accept, []byte("text/html")), bytes.Index(accept, []byte("application/json"))
	switch {
	case data >= 0 && (page < 0 || data < page):
		return asJSON
	case page >= 0:
		return asHTML
	}
	return asText
}

// in returns the page's body in a form, and its media type.
func (p page) in(f form, requestID string) (kind, body string) {
	switch f {
	case asJSON:
		return "application/json", p.json(requestID)
	case asHTML:
		return "text/html; charset=utf-8", p.html(requestID)
	}
	return "text/plain; charset=utf-8", p.plain(requestID)
}

// append appends the whole answer.
func (p page) append(out []byte, requestID string, f form, head, keep bool) []byte {
	kind, body := p.in(f, requestID)
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
	out = append(out, "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nVary: Accept\r\nX-Request-Id: "...)
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
		if p.code != "suspended" {
			return "\r\nRetry-After: 2"
		}
	}
	return ""
}

func (p page) json(requestID string) string {
	b := fmt.Appendf(nil, `{"status":%d,"code":%q,"title":`, p.status, p.code)
	b = appendJSON(b, p.title)
	b = append(b, `,"detail":`...)
	b = appendJSON(b, p.text)
	b = append(b, `,"request_id":`...)
	b = appendJSON(b, requestID)
	return string(append(b, "}\n"...))
}

func (p page) plain(requestID string) string {
	return fmt.Sprintf("%d %s\n\n%s\n\nrequest %s\n", p.status, p.title, p.text, requestID)
}

func (p page) html(requestID string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n<title>%d %s</title>\n", p.status, p.title)
	b.WriteString("<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em;color:#222}small{color:#777}</style>\n")
	fmt.Fprintf(&b, "<h1>%s</h1>\n<p>%s</p>\n<p><small>%d · request %s</small></p>\n</html>\n", p.title, p.text, p.status, html.EscapeString(requestID))
	return b.String()
}
