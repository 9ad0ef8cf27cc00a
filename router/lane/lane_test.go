package lane

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"csph/router/h1"
)

// pieces is a body that is read in pieces of so many bytes at most.
type pieces struct {
	io.Reader
	n int
}

func (p pieces) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), max(p.n, 1))]) }

// FuzzHead holds that a request becomes one head and one body, whatever is in it, and that net/http
// reads the same from them as went in.
func FuzzHead(f *testing.F) {
	f.Add("GET", "app.test", "/", "X-A", "b", "", 3)
	f.Add("POST", "app.test", "/a?b", "Content-Type", "text/plain", "hello", 1)
	f.Add("GET /x HTTP/1.1\r\nA: b\r\n\r\nGET", "a\r\nb", "/ HTTP/1.1\r\nX: y", "A: b\r\nC", "d\r\nE: f", "GET / HTTP/1.1\r\n\r\n", 7)
	f.Add("PUT", "app.test", "*", "Transfer-Encoding", "chunked", "0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 100)
	f.Add("OPTIONS", "app.test", "*", "Te", "trailers", "", 1)
	f.Fuzz(func(t *testing.T, method, host, uri, name, value, body string, step int) {
		q := &http.Request{
			Method: method, Host: host, RequestURI: uri, ContentLength: -1, Proto: "HTTP/2.0",
			Header: http.Header{name: {value}}, Trailer: http.Header{name: {value}},
			Body: io.NopCloser(pieces{strings.NewReader(body), step}),
		}
		c := Open(httptest.NewRecorder(), q)
		head, err := c.AppendHead(nil)
		var refused *h1.Error
		if err != nil {
			if !errors.As(err, &refused) {
				t.Fatalf("error %v", err)
			}
			return
		}
		var scan h1.Scan
		if n, err := scan.End(head); err != nil || n != len(head) {
			t.Fatalf("the head %q ends at %d, error %v", head, n, err)
		}
		var parsed h1.Request
		if parsed.Parse(head, 100) != nil {
			return // the session refuses it too
		}
		wire, err := io.ReadAll(pieces{c, step})
		if err != nil {
			t.Fatalf("read the body: %v", err)
		}
		sameAsSent(t, append(head, wire...), q, body)
	})
}

// sameAsSent reads text as net/http does.
func sameAsSent(t *testing.T, text []byte, sent *http.Request, body string) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(text))
	got, err := http.ReadRequest(r)
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", text, err)
	}
	read, err := io.ReadAll(got.Body)
	if err != nil || string(read) != body {
		t.Fatalf("%q: body %q, error %v, want %q", text, read, err, body)
	}
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		t.Fatalf("%q: %q is left over", text, rest)
	}
	if got.Method != sent.Method || got.Host != sent.Host || got.RequestURI != sent.RequestURI {
		t.Fatalf("%q: %s %s %s", text, got.Method, got.Host, got.RequestURI)
	}
	for name := range got.Header {
		if _, ok := sent.Header[name]; !ok && name != "Trailer" && !strings.EqualFold(name, slices.Collect(keys(sent.Header))[0]) {
			t.Fatalf("%q: %s was not sent", text, name)
		}
	}
}

func keys(h http.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range h {
			if !yield(k) {
				return
			}
		}
	}
}

// FuzzAnswer holds that an answer arrives as net/http reads it, wherever its bytes are cut, and that it
// is whole only when net/http finds it so.
func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", 3, false)
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", 1, false)
	f.Add("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 5, true)
	f.Add("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 100, false)
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 2, false)
	f.Fuzz(func(t *testing.T, text string, step int, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		w := finals{httptest.NewRecorder()}
		c := Open(w, &http.Request{Method: method, Header: http.Header{}})
		for rest := text; rest != ""; {
			n := min(len(rest), max(step, 1))
			if _, err := c.Write([]byte(rest[:n])); err != nil {
				return
			}
			rest = rest[n:]
		}
		if !c.Whole() {
			return
		}
		sameAnswer(t, w.Result(), text, method)
	})
}

// finals is a recorder that knows interim answers.
type finals struct{ *httptest.ResponseRecorder }

func (f finals) WriteHeader(status int) {
	if status >= 200 {
		f.ResponseRecorder.WriteHeader(status)
	}
}

func sameAnswer(t *testing.T, got *http.Response, text, method string) {
	t.Helper()
	r := bufio.NewReader(strings.NewReader(text))
	var want *http.Response
	for want == nil || want.StatusCode < 200 {
		var err error
		if want, err = http.ReadResponse(r, &http.Request{Method: method}); err != nil {
			t.Fatalf("net/http refuses %q: %v", text, err)
		}
	}
	wanted, err := io.ReadAll(want.Body)
	if err != nil {
		t.Fatalf("%q is whole; net/http: %v", text, err)
	}
	body, _ := io.ReadAll(got.Body)
	if got.StatusCode != want.StatusCode || !bytes.Equal(body, wanted) {
		t.Fatalf("%q: %d %q; net/http: %d %q", text, got.StatusCode, body, want.StatusCode, wanted)
	}
}

func TestNoBodyIsMadeUpForRequestsWithoutOne(t *testing.T) {
	for _, c := range []struct {
		method, body string
		length       int64
		want         string
	}{
		{"GET", "", -1, ""}, {"GET", "", 0, ""}, {"GET", "x", -1, "Transfer-Encoding: chunked\r\n"},
		{"POST", "", -1, "Transfer-Encoding: chunked\r\n"}, {"POST", "abc", 3, "Content-Length: 3\r\n"}, {"POST", "", 0, "Content-Length: 0\r\n"},
	} {
		q := httptest.NewRequest(c.method, "/", strings.NewReader(c.body))
		q.ContentLength = c.length
		if c.method == "POST" && c.length >= 0 {
			q.Header.Set("Content-Length", strconv.FormatInt(c.length, 10))
		}
		head, err := Open(httptest.NewRecorder(), q).AppendHead(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := strings.CutPrefix(string(head), c.method+" / HTTP/1.1\r\nHost: example.com\r\n"); !ok || got != c.want+"\r\n" {
			t.Errorf("%s %q %d: %q", c.method, c.body, c.length, head)
		}
	}
}

func TestWhatOnlyConnectionsOfHTTP11HaveIsRefused(t *testing.T) {
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "Te"} {
		q := httptest.NewRequest("GET", "/", nil)
		q.Header.Set(name, "chunked")
		if head, err := Open(httptest.NewRecorder(), q).AppendHead(nil); err == nil {
			t.Errorf("%s: %q", name, head)
		}
	}
	q := httptest.NewRequest("GET", "/", nil)
	q.Header.Set("Content-Length", "5")
	if head, err := Open(httptest.NewRecorder(), q).AppendHead(nil); err == nil {
		t.Errorf("a length without a body: %q", head)
	}
}

func TestAnExtendedConnectBecomesAnUpgradeAndTheUpgradeASuccess(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"as golang.org/x/net has it": func(q *http.Request) { q.Header[":protocol"] = []string{"websocket"}; q.Proto = "HTTP/2.0" },
		"as quic-go has it":          func(q *http.Request) { q.Proto = "websocket" },
	} {
		q := httptest.NewRequest("CONNECT", "/", strings.NewReader("frames"))
		q.RequestURI, q.ContentLength = "/chat", -1
		change(q)
		w := httptest.NewRecorder()
		c := Open(w, q)
		head, err := c.AppendHead(nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
		if err != nil || got.Method != "GET" || got.RequestURI != "/chat" || got.Header.Get("Upgrade") != "websocket" ||
			len(got.Header.Get("Sec-Websocket-Key")) != 24 || got.Header.Get(":protocol") != "" {
			t.Errorf("%s: %q, error %v", name, head, err)
		}
		if _, err := io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nframes"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if w.Code != 200 || w.Body.String() != "frames" || w.Header().Get("Sec-Websocket-Accept") != "" || c.Whole() {
			t.Errorf("%s: %d %q %v, whole %t", name, w.Code, w.Body, w.Header(), c.Whole())
		}
		if body, err := io.ReadAll(c); string(body) != "frames" || err != nil {
			t.Errorf("%s: %q, error %v", name, body, err)
		}
	}
}

func TestTrailersOfAnAnswerFollowItsBodyAndAreNotAnnounced(t *testing.T) {
	w := httptest.NewRecorder()
	c := Open(w, httptest.NewRequest("GET", "/", nil))
	for _, part := range []string{"HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nX-Sum: early\r\nTransfer-Enc", "oding: chunked\r\n\r\n1\r\na\r\n0\r\nX-", "Sum: late\r\n\r\n"} {
		if c.Whole() {
			t.Fatal("whole too early")
		}
		if _, err := io.WriteString(c, part); err != nil {
			t.Fatal(err)
		}
	}
	if !c.Whole() || w.Header().Get("Trailer") != "" || w.Header().Get("X-Sum") != "early" || w.Header().Get(http.TrailerPrefix+"X-Sum") != "late" {
		t.Errorf("whole %t, header %v", c.Whole(), w.Header())
	}
	if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n"); err == nil {
		t.Error("a second answer was taken")
	}
}
