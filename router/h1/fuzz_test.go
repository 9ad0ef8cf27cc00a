package h1

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"testing"
)

// FuzzRequestHead holds the parser against net/http's: what this one takes, that one takes too, and
// understands in the same way. It may refuse more.
func FuzzRequestHead(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
		"POST /x?y=%zz HTTP/1.1\r\nHost: a.test:80\r\nContent-Length: 5\r\nConnection: close, x\r\nX: 1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n",
		"GET http://b.test/p HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"GET //a//b HTTP/1.1\r\nHost:\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(checkRequest)
}

// FuzzRequestLines is FuzzRequestHead with every LF made CRLF, so that the fuzzer gets past the line ends.
func FuzzRequestLines(f *testing.F) {
	f.Add([]byte("GET /%20?% HTTP/1.1\nHost: a.test:80\nConnection: a, close\nA: b\nContent-Length: 1\n\n"))
	f.Add([]byte("POST http://a/b HTTP/1.0\nTransfer-Encoding: chunked\nConnection: keep-alive\n\n"))
	f.Add([]byte("PUT / HTTP/1.1\nhost: [::]:1\ntransfer-encoding: CHUNKED\nte: gzip, trailers\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		in = bytes.ReplaceAll(in, []byte("\r"), nil)
		checkRequest(t, bytes.ReplaceAll(in, []byte("\n"), []byte("\r\n")))
	})
}

func checkRequest(t *testing.T, in []byte) {
	var s Scan
	n, err := s.End(in)
	if err != nil || n == 0 {
		return
	}
	var r Request
	if err := r.Parse(bytes.Clone(in[:n]), 100); err != nil {
		return
	}
	want, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in[:n])))
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", in[:n], err)
	}
	sameRequest(t, &r, want)
}

func sameRequest(t *testing.T, r *Request, want *http.Request) {
	t.Helper()
	length := r.Length
	if r.Framing == Chunked {
		length = -1
	}
	if string(r.Method) != want.Method || string(r.Host) != want.Host || length != want.ContentLength || r.KeepAlive == want.Close {
		t.Fatalf("method %q host %q length %d keep-alive %t; net/http: %q %q %d %t",
			r.Method, r.Host, length, r.KeepAlive, want.Method, want.Host, want.ContentLength, !want.Close)
	}
	if strings.HasPrefix(want.RequestURI, "/") && string(r.Target) != want.RequestURI {
		t.Fatalf("target %q; net/http: %q", r.Target, want.RequestURI)
	}
	if (len(want.TransferEncoding) > 0) != (r.Framing == Chunked) {
		t.Fatalf("framing %d; net/http: %v", r.Framing, want.TransferEncoding)
	}
	sameFields(t, &r.Head, want.Header, Host, TransferEncoding)
}

// sameFields compares all fields but those of the kinds that net/http takes out of its map.
func sameFields(t *testing.T, h *Head, want http.Header, taken ...Kind) {
	t.Helper()
	got := http.Header{}
	for i := range h.Fields {
		f := &h.Fields[i]
		if !slices.Contains(taken, f.Kind) {
			got.Add(string(h.Name(f)), string(h.Value(f)))
		}
	}
	if !maps.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Fatalf("fields %q; net/http: %q", got, want)
	}
}

// FuzzResponseHead does the same for answers.
func FuzzResponseHead(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 204\r\nX: y\r\n\r\n",
		"HTTP/1.0 304 Not Modified\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, head bool) {
		var s Scan
		n, err := s.End(in)
		if err != nil || n == 0 {
			return
		}
		method := "GET"
		if head {
			method = "HEAD"
		}
		var r Response
		if err := r.Parse(bytes.Clone(in[:n]), 100, []byte(method)); err != nil {
			return
		}
		want, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(in[:n])), &http.Request{Method: method})
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", in[:n], err)
		}
		if r.Status != want.StatusCode {
			t.Fatalf("status %d; net/http: %d", r.Status, want.StatusCode)
		}
		if r.Framing == Sized && r.Length != want.ContentLength || (r.Framing == Chunked) != (len(want.TransferEncoding) > 0 && !head && bodyAllowed(r.Status)) {
			t.Fatalf("framing %d length %d; net/http: %d %v", r.Framing, r.Length, want.ContentLength, want.TransferEncoding)
		}
	})
}

func bodyAllowed(status int) bool { return status >= 200 && status != 204 && status != 304 }

// FuzzChunks holds the decoder against net/http's, and against itself with other packet borders.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), 3)
	f.Add([]byte("a;x=\"y\"\r\n0123456789\r\n0\r\nT: v\r\n\r\n"), 1)
	f.Add([]byte("0\r\n\r\n"), 2)
	f.Fuzz(func(t *testing.T, in []byte, step int) {
		body, used, ended, err := dechunk(in, max(len(in), 1))
		again, usedAgain, endedAgain, errAgain := dechunk(in, max(step, 1))
		if (err == nil) != (errAgain == nil) || err == nil && (!bytes.Equal(body, again) || used != usedAgain || ended != endedAgain) {
			t.Fatalf("%q: %q %d %t %v; in steps of %d: %q %d %t %v", in, body, used, ended, err, step, again, usedAgain, endedAgain, errAgain)
		}
		if err != nil || !ended {
			return
		}
		want, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(in)))
		if err != nil || !bytes.Equal(body, want) {
			t.Fatalf("%q: %q; net/http: %q, error %v", in, body, want, err)
		}
	})
}
