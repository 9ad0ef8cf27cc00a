package h1

import "testing"

func TestTheBodyOfAnAnswerIsFramedByRFC9112(t *testing.T) {
	for name, c := range map[string]struct {
		head, method string
		framing      Framing
		length       int64
		keep         bool
	}{
		"sized":                {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", Sized, 5, true},
		"chunked":              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", "GET", Chunked, 0, true},
		"until close":          {"HTTP/1.1 200 OK\r\n\r\n", "GET", UntilClose, -1, false},
		"HEAD":                 {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", NoBody, 5, true},
		"HEAD without length":  {"HTTP/1.1 200 OK\r\n\r\n", "HEAD", NoBody, -1, true},
		"HEAD chunked":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD", NoBody, -1, true},
		"204 with a length":    {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "GET", NoBody, -1, true},
		"304 with a length":    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", NoBody, 5, true},
		"100":                  {"HTTP/1.1 100 Continue\r\n\r\n", "GET", NoBody, -1, true},
		"close":                {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", "GET", Sized, 5, false},
		"HTTP/1.0":             {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", Sized, 5, false},
		"HTTP/1.0, keep-alive": {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", "GET", Sized, 5, true},
		"no reason":            {"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", "GET", Sized, 5, true},
	} {
		var s Scan
		n, err := s.End([]byte(c.head))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var r Response
		if err := r.Parse([]byte(c.head)[:n], 100, []byte(c.method)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Framing != c.framing || r.Length != c.length || r.KeepAlive != c.keep {
			t.Errorf("%s: framing %d, length %d, keep-alive %t", name, r.Framing, r.Length, r.KeepAlive)
		}
	}
}

func TestAnswersThatCouldBeReadInTwoWaysAreRefused(t *testing.T) {
	for _, head := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
		"HTTP/1.1 200 OK\nX: a\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/1.1 200 O\x00K\r\n\r\n",
		"ICY 200 OK\r\n\r\n",
	} {
		var s Scan
		n, err := s.End([]byte(head))
		if err != nil {
			continue
		}
		var r Response
		if err := r.Parse([]byte(head)[:n], 100, []byte("GET")); err == nil {
			t.Errorf("%q was taken", head)
		}
	}
}

func TestStreamsAreToldByTheirType(t *testing.T) {
	for kind, want := range map[string]bool{
		"text/event-stream": true, "Text/Event-Stream; charset=utf-8": true, "application/grpc+proto": true,
		"text/plain": false, "": false,
	} {
		head := []byte("HTTP/1.1 200 OK\r\nContent-Type: " + kind + "\r\n\r\n")
		var r Response
		if err := r.Parse(head, 100, []byte("GET")); err != nil {
			t.Fatal(err)
		}
		if r.Stream() != want {
			t.Errorf("%q: %t", kind, r.Stream())
		}
	}
}
