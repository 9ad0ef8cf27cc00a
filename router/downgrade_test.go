package router

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a connection of HTTP/2, used by hand.
type frames struct {
	net.Conn
	*http2.Framer
	t   *testing.T
	buf bytes.Buffer
	enc *hpack.Encoder
}

func dialFrames(t *testing.T, addr string) *frames {
	t.Helper()
	c, err := dialTLS(context.Background(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	f := &frames{Conn: c, Framer: http2.NewFramer(c, c), t: t}
	f.enc = hpack.NewEncoder(&f.buf)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f
}

// ask sends a head, given as names and values in turn.
func (f *frames) ask(stream uint32, end bool, fields ...string) {
	f.t.Helper()
	f.buf.Reset()
	for i := 0; i < len(fields); i += 2 {
		if err := f.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			f.t.Fatal(err)
		}
	}
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.buf.Bytes(), EndHeaders: true, EndStream: end})
	if err != nil {
		f.t.Fatal(err)
	}
}

// outcome returns the status the stream was answered with, or "reset" or "closed".
func (f *frames) outcome(stream uint32) string {
	f.t.Helper()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				f.t.Fatal("no answer")
			}
			return "closed"
		}
		switch x := frame.(type) {
		case *http2.MetaHeadersFrame:
			if x.StreamID == stream {
				return x.PseudoValue("status")
			}
		case *http2.RSTStreamFrame:
			if x.StreamID == stream {
				return "reset"
			}
		case *http2.GoAwayFrame:
			return "closed"
		}
	}
}

func TestNothingThatOnlyHTTP2CanSayReachesAnApp(t *testing.T) {
	b, addr := startTLS(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the app was reached by %s %s %v", r.Method, r.RequestURI, r.Header)
	}))
	head := []string{":method", "GET", ":scheme", "https", ":authority", "app.test", ":path", "/"}
	with := func(fields ...string) []string { return append(append([]string(nil), head...), fields...) }
	change := func(name, value string) []string {
		list := with()
		for i := 0; i < len(list); i += 2 {
			if list[i] == name {
				list[i+1] = value
			}
		}
		return list
	}
	for name, fields := range map[string][]string{
		"a line in a value":           with("x", "y\r\nTransfer-Encoding: chunked"),
		"a line in a name":            with("x: y\r\nz", "1"),
		"an LF in a value":            with("x", "y\nz: 1"),
		"a NUL in a value":            with("x", "y\x00"),
		"a blank in a name":           with("content-length ", "5"),
		"a colon in a name":           with("host:", "other.test"),
		"a capital in a name":         with("X-Capital", "1"),
		"a line in the path":          change(":path", "/ HTTP/1.1\r\nX: y"),
		"a blank in the path":         change(":path", "/a HTTP/1.1"),
		"a path without slash":        change(":path", "http://other.test/"),
		"an empty path":               change(":path", ""),
		"a fragment":                  change(":path", "/a#b"),
		"a line in the method":        change(":method", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"),
		"a blank in the method":       change(":method", "GET /"),
		"a line in the authority":     change(":authority", "app.test\r\nX: y"),
		"a user in the authority":     change(":authority", "me@app.test"),
		"a path in the authority":     change(":authority", "app.test/x"),
		"another host":                with("host", "other.test"),
		"two hosts":                   with("host", "app.test", "host", "app.test"),
		"transfer-encoding":           with("transfer-encoding", "chunked"),
		"connection":                  with("connection", "x-forwarded-for"),
		"keep-alive":                  with("keep-alive", "1"),
		"upgrade":                     with("upgrade", "websocket"),
		"proxy-connection":            with("proxy-connection", "close"),
		"te":                          with("te", "chunked"),
		"a length without a body":     with("content-length", "5"),
		"two lengths":                 with("content-length", "0", "content-length", "5"),
		"a length that is none":       with("content-length", "+0"),
		"a list of lengths":           with("content-length", "0, 0"),
		"connect":                     {":method", "CONNECT", ":authority", "app.test:443"},
		"an unknown pseudo field":     with(":x", "y"),
		"a pseudo field of an answer": with(":status", "200"),
		"a pseudo field at the end":   append([]string{"x", "y"}, head...),
		"a pseudo field twice":        with(":path", "/other"),
		"an expectation":              with("expect", "tea"),
	} {
		f := dialFrames(t, addr)
		f.ask(1, true, fields...)
		switch got := f.outcome(1); got {
		case "400", "405", "417", "reset", "closed":
		default:
			t.Errorf("%s: %s", name, got)
		}
		_ = f.Close()
	}
}

func TestABodyThatIsNotAsLongAsItsLengthResetsTheStream(t *testing.T) {
	b, addr := startTLS(t, Config{})
	read := make(chan int64, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			n = -1
		}
		read <- n
	}))
	for name, c := range map[string]struct {
		length string
		most   int64 // that the app may read; -1: it must be told that the body broke off
	}{"longer": {"100000", 100_000}, "shorter": {"200001", -1}} {
		f := dialFrames(t, addr)
		f.ask(1, false, ":method", "POST", ":scheme", "https", ":authority", "app.test", ":path", "/", "content-length", c.length)
		for i := range 20 {
			if f.WriteData(1, i == 19, make([]byte, 10_000)) != nil {
				break
			}
		}
		switch got := f.outcome(1); {
		case got == "400" || got == "reset":
		case got == "200" && name == "longer": // the app had its body, and was quicker than what is too much
		default:
			t.Errorf("%s: %s", name, got)
		}
		select {
		case n := <-read:
			if n > c.most {
				t.Errorf("%s: the app read %d", name, n)
			}
		case <-time.After(patience):
			t.Fatalf("%s: the app was never told", name)
		}
	}
}

func TestAHeaderOfHTTP2ThatIsTooLargeIsRefused(t *testing.T) {
	b, addr := startTLS(t, Config{Limits: Limits{HeaderBytes: 8 << 10}})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the app was reached") }))
	f := dialFrames(t, addr)
	y := strings.Repeat("y", 3<<10)
	f.ask(1, true, ":method", "GET", ":scheme", "https", ":authority", "app.test", ":path", "/", "x", y, "x", y, "x", y)
	if got := f.outcome(1); got != "431" {
		t.Errorf("bytes: %s", got)
	}
	fields := []string{":method", "GET", ":scheme", "https", ":authority", "app.test", ":path", "/"}
	for range 101 {
		fields = append(fields, "x", "y")
	}
	f.ask(3, true, fields...)
	if got := f.outcome(3); got != "431" {
		t.Errorf("count: %s", got)
	}
}
