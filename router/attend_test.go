package router

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// mirror is an app that answers with the method and the body of the request.
func mirror(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = io.WriteString(w, r.Method+" "+string(body))
}

func TestRequestsOfAllKindsFollowEachOtherOnOneConnection(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, mirror))
	w := b.dial()
	const head = " / HTTP/1.1\r\nHost: app.test\r\n"
	long := strings.Repeat("x", 2*smallStorage) // more than one read brings
	for _, step := range []struct {
		sends   []string
		answers []string
	}{
		{[]string{"GET" + head + "\r\n"}, []string{"GET "}},
		{[]string{"POST" + head + "Content-Length: 3\r\n\r\n", "abc"}, []string{"POST abc"}},
		{[]string{"GET" + head + "Content-Length: 8192\r\n\r\n" + long}, []string{"GET " + long}},
		{[]string{"GET" + head + "X-Long: " + long + "\r\n\r\n"}, []string{"GET "}},
		{[]string{"GET" + head + "\r\nPOST" + head + "Content-Length: 2\r\n\r\n", "hi"}, []string{"GET ", "POST hi"}},
		{[]string{"POST" + head + "Transfer-Encoding: chunked\r\n\r\n3\r\n", "xyz\r\n0\r\n", "\r\nGET" + head + "\r\n"}, []string{"POST xyz", "GET "}},
		{[]string{"GET" + head + "\r\nGET" + head + "\r\nGET" + head}, []string{"GET ", "GET "}},
		{[]string{"\r\n"}, []string{"GET "}},
	} {
		for _, s := range step.sends {
			w.send(s)
		}
		for _, want := range step.answers {
			if _, body := w.receive("GET"); body != want {
				t.Errorf("after %q: %q, want %q", step.sends, body, want)
			}
		}
	}
}

func TestAConnectionThatHasServedIsClosedWhenItIsIdleForTooLong(t *testing.T) {
	b := start(t, Config{Limits: Limits{IdleTimeout: 50 * time.Millisecond}})
	b.route(says(t, "hello"))
	w := b.dial()
	for range 3 {
		w.send(request11())
		w.receive("GET")
	}
	began := time.Now()
	if rest := w.rest(); rest != "" || time.Since(began) > patience/2 {
		t.Errorf("closed after %v, having sent %q", time.Since(began), rest)
	}
}

func TestAnAnswerThatBreaksOffResetsAConnectionThatHasServed(t *testing.T) {
	b := start(t, Config{})
	b.route(says(t, "hello"))
	w := b.dial()
	w.send(request11())
	w.receive("GET")
	b.route(answersRaw(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", true))
	w.send(request11())
	resp, err := http.ReadResponse(w.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the body looks whole: %q", body)
	}
}

func TestTheLastAnswerOfAConnectionThatHasServedIsReadToItsEnd(t *testing.T) {
	b := start(t, Config{})
	b.route(says(t, strings.Repeat("x", 1<<20)))
	w := b.dial()
	w.send(request11())
	w.receive("GET")
	w.send(request11("Connection: close") + strings.Repeat("y", 1000))
	if resp, body := w.receive("GET"); len(body) != 1<<20 || !resp.Close {
		t.Errorf("%d bytes, close %v", len(body), resp.Close)
	}
	if _, err := bufio.NewReader(w.Conn).ReadByte(); err != io.EOF {
		t.Errorf("after the last answer: %v", err)
	}
}
