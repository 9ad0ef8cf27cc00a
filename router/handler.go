package router

import (
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/net/http/httpguts"

	"csph/router/h1"
)

// serveHandler has an http.Handler answer the request, whose head is still unread. Its body is not
// offered: what is served so takes none.
func (s *session) serveHandler(h http.Handler, head int) {
	q, err := s.handlerRequest()
	s.client.consume(head)
	if err != nil {
		s.answer(pageRefused(http.StatusBadRequest, h1.ErrTarget.Reason))
		return
	}
	w := &handlerWriter{s: s, header: http.Header{}}
	h.ServeHTTP(w, q)
	w.finish()
}

// handlerRequest is the request as net/http has it.
func (s *session) handlerRequest() (*http.Request, error) {
	target := string(s.req.Target)
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for i := range s.req.Fields {
		f := &s.req.Fields[i]
		if toTarget.Has(f.Kind) {
			header.Add(string(s.req.Name(f)), string(s.req.Value(f)))
		}
	}
	return &http.Request{
		Method: string(s.req.Method), URL: u, RequestURI: target, Host: string(s.req.Host), Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, RemoteAddr: netip.AddrPortFrom(s.peer, 0).String(),
	}, nil
}

// handlerWriter writes a handler's answer to the client.
type handlerWriter struct {
	s       *session
	header  http.Header
	begun   bool
	bodies  bool  // the answer has a body
	chunked bool  // of a length not told
	left    int64 // of a length told
	err     error
}

// Header implements http.ResponseWriter.
func (w *handlerWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. The head leaves with the first bytes of the body.
func (w *handlerWriter) WriteHeader(status int) {
	if w.begun {
		return
	}
	w.begun = true
	s := w.s
	s.status = status
	s.keep = s.keep && s.req.Framing == h1.NoBody && !s.r.stopping()
	b := append(s.out[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	b = append(b, "\r\nDate: "...)
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\nX-Request-Id: "...)
	b = append(b, s.requestID...)
	b = append(b, "\r\n"...)
	for name, values := range w.header {
		for _, v := range values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(v) {
				continue
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
			b = append(b, "\r\n"...)
		}
	}
	s.out = w.frame(b, status)
}

// frame appends how the body ends, and the end of the head.
func (w *handlerWriter) frame(b []byte, status int) []byte {
	s := w.s
	length, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64)
	w.bodies = !s.head && status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
	switch {
	case !w.bodies:
	case err == nil:
		w.left = length
	case s.req.Minor == 1:
		w.chunked = true
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	default:
		s.keep = false
	}
	b = s.appendHSTS(b)
	if s.secure && s.proto < 3 {
		b = append(b, *s.r.altSvc.Load()...)
	}
	switch {
	case !s.keep:
		b = append(b, "Connection: close\r\n"...)
	case s.req.Minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, "\r\n"...)
}

// Write implements http.ResponseWriter.
func (w *handlerWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if !w.bodies {
		return 0, http.ErrBodyNotAllowed
	}
	for rest := p; len(rest) > 0 && w.err == nil; {
		n := min(len(rest), largeStorage)
		w.pass(rest[:n])
		rest = rest[n:]
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// pass sends a piece together with what waits.
func (w *handlerWriter) pass(p []byte) {
	s := w.s
	if w.chunked {
		s.out = append(strconv.AppendInt(s.out, int64(len(p)), 16), '\r', '\n')
	} else if w.left -= int64(len(p)); w.left < 0 && s.req.Minor == 1 {
		w.err = http.ErrContentLength
		return
	}
	s.out = s.r.storage.append(s.out, p)
	if w.chunked {
		s.out = append(s.out, '\r', '\n')
	}
	s.bytesOut += int64(len(p))
	w.flush()
}

func (w *handlerWriter) flush() {
	if w.err == nil && len(w.s.out) > 0 {
		w.err = w.s.client.send(w.s.out, w.s.r.limits.BodyTimeout)
	}
	w.s.out = w.s.out[:0]
}

// sendfilePiece is how much of a file has to leave within Limits.BodyTimeout.
const sendfilePiece = 256 << 10

// ReadFrom implements io.ReaderFrom: a file goes out without a copy where the connection allows.
func (w *handlerWriter) ReadFrom(r io.Reader) (n int64, err error) {
	to, ok := w.s.client.conn.(io.ReaderFrom)
	if !ok || w.s.client.raw == nil || w.left <= largeStorage {
		return io.Copy(struct{ io.Writer }{w}, r)
	}
	w.flush()
	for w.err == nil && w.left > 0 {
		var piece int64
		w.s.client.writeBy.set(w.s.r.watch.after(w.s.r.limits.BodyTimeout))
		piece, w.err = to.ReadFrom(io.LimitReader(r, min(w.left, sendfilePiece)))
		if !w.s.client.writeBy.clear() {
			w.err = errTimeout
		}
		n += piece
		w.left -= piece
		if piece == 0 {
			break
		}
	}
	w.s.bytesOut += n
	return n, w.err
}

// finish ends the answer. One that is not whole must not look so.
func (w *handlerWriter) finish() {
	w.WriteHeader(http.StatusOK)
	s := w.s
	if w.chunked {
		s.out = append(s.out, "0\r\n\r\n"...)
	}
	w.flush()
	switch {
	case w.err != nil || w.left > 0:
		s.keep = false
		s.client.reset()
	case !s.keep:
		s.linger()
	}
}
