package router

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestARequestReachesItsAppAndTheAnswerItsClient(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-App", "yes")
		w.WriteHeader(201)
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.Host, r.RequestURI, body)
	}))
	resp, err := b.client().Post("http://APP.test:81/a%20b?c=d", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 201 || resp.Header.Get("X-App") != "yes" || string(body) != "POST APP.test:81 /a%20b?c=d hello" {
		t.Errorf("status %d, headers %v, body %q", resp.StatusCode, resp.Header, body)
	}
}

func TestWhatClientsClaimAboutThemselvesIsReplaced(t *testing.T) {
	b := start(t, Config{})
	seen := make(chan http.Header, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) { seen <- r.Header.Clone() }))
	w := b.dial()
	w.send(request11("X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "Forwarded: for=6.6.6.6",
		"X-Request-Id: mine", "X-Real-Ip: 6.6.6.6", "Connection: keep-alive, X-Hop", "X-Hop: 1", "Keep-Alive: 5", "TE: trailers, gzip",
		"Proxy-Authorization: x", "Proxy: evil", "X-Stays: 1"))
	w.receive("GET")
	h := <-seen
	for name, want := range map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "app.test", "X-Forwarded-Proto": "http", "Forwarded": `for=127.0.0.1;host="app.test";proto=http`, "X-Real-Ip": "",
		"X-Hop": "", "Keep-Alive": "", "Te": "trailers", "Proxy-Authorization": "", "Proxy": "", "X-Stays": "1",
	} {
		if got := h.Get(name); got != want || len(h.Values(name)) > 1 {
			t.Errorf("%s: %q, want %q", name, h.Values(name), want)
		}
	}
	if id := h.Get("X-Request-Id"); len(id) != 32 {
		t.Errorf("request id %q", id)
	}
}

func TestATrustedProxyIsBelieved(t *testing.T) {
	b := start(t, Config{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	seen := make(chan http.Header, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) { seen <- r.Header.Clone() }))
	w := b.dial()
	w.send(request11("X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: front", "X-Forwarded-Proto: https", "X-Request-Id: mine"))
	w.receive("GET")
	h := <-seen
	if h.Get("X-Forwarded-For") != "6.6.6.6, 127.0.0.1" || h.Get("X-Forwarded-Host") != "front" || h.Get("X-Forwarded-Proto") != "https" || h.Get("X-Request-Id") != "mine" {
		t.Errorf("got %v", h)
	}
}

func TestBodiesOfEverySizeAndFramingArriveWhole(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the app could not read the body: %v", err)
		}
		sum := sha256.Sum256(body)
		w.Header().Set("X-Sum", hex.EncodeToString(sum[:]))
		if r.URL.Query().Has("sized") {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		}
		_, _ = w.Write(body)
	}))
	client := b.client()
	for _, size := range []int{0, 1, 4095, 4096, replayBody - 1, replayBody, replayBody + 1, largeStorage, bulkStorage + 1, 3 << 20} {
		body := make([]byte, size)
		_, _ = rand.Read(body)
		want := sha256.Sum256(body)
		for _, query := range []string{"", "?sized"} {
			for name, reader := range map[string]io.Reader{"sized": bytes.NewReader(body), "chunked": io.MultiReader(bytes.NewReader(body))} {
				resp, err := client.Post("http://app.test/"+query, "application/octet-stream", reader)
				if err != nil {
					t.Fatalf("%d bytes, %s %s: %v", size, name, query, err)
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || !bytes.Equal(got, body) || resp.Header.Get("X-Sum") != hex.EncodeToString(want[:]) {
					t.Errorf("%d bytes, %s %s: %d bytes came back, error %v", size, name, query, len(got), err)
				}
			}
		}
	}
}

func TestTrailersArePassedBothWays(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Sum", r.Trailer.Get("X-In"))
	}))
	w := b.dial()
	w.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-In\r\n\r\n3\r\nabc\r\n0\r\nX-In: 42\r\nContent-Length: 7\r\n\r\n")
	resp, body := w.receive("POST")
	if body != "body" || resp.Trailer.Get("X-Sum") != "42" {
		t.Errorf("body %q, trailer %v", body, resp.Trailer)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.URL.Path+string(body))
	}))
	w := b.dial()
	var all strings.Builder
	for i := range 50 {
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\n%d", i, i%10)
		fmt.Fprintf(&all, "POST /c%d HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n%d\r\n0\r\n\r\n", i, i%10)
	}
	w.send(all.String())
	for i := range 50 {
		for _, want := range []string{fmt.Sprintf("/%d%d", i, i%10), fmt.Sprintf("/c%d%d", i, i%10)} {
			if _, body := w.receive("POST"); body != want {
				t.Fatalf("got %q, want %q", body, want)
			}
		}
	}
}

func TestAnswersWithoutBodyLeaveTheConnectionUsable(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.WriteHeader(304)
		default:
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "hello")
		}
	}))
	w := b.dial()
	for range 2 {
		for _, c := range []struct {
			method, path string
			status       int
			body         string
		}{{"HEAD", "/", 200, ""}, {"GET", "/204", 204, ""}, {"GET", "/304", 304, ""}, {"GET", "/", 200, "hello"}} {
			w.send(c.method + " " + c.path + " HTTP/1.1\r\nHost: app.test\r\n\r\n")
			resp, body := w.receive(c.method)
			if resp.StatusCode != c.status || body != c.body {
				t.Errorf("%s %s: %d %q", c.method, c.path, resp.StatusCode, body)
			}
		}
	}
}

func TestClientsOfHTTP10AreServed(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "part one ")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "part two")
	}))
	w := b.dial()
	w.send("GET / HTTP/1.0\r\nHost: app.test\r\n\r\n")
	got := w.rest()
	if !strings.HasSuffix(got, "\r\n\r\npart one part two") || strings.Contains(got, "chunked") || !strings.Contains(got, "Connection: close") {
		t.Errorf("got %q", got)
	}
	b.route(answersRaw(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false))
	w = b.dial()
	for range 2 {
		w.send("GET / HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n")
		if resp, body := w.receive("GET"); body != "ok" || resp.Header.Get("Connection") != "keep-alive" {
			t.Errorf("body %q, headers %v", body, resp.Header)
		}
	}
}

func TestAnAppOfHTTP10IsServed(t *testing.T) {
	b := start(t, Config{})
	b.route(answersRaw(t, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil close", true))
	w := b.dial()
	for range 2 {
		w.send(request11())
		if resp, body := w.receive("GET"); body != "until close" || resp.ContentLength != -1 {
			t.Errorf("body %q, length %d", body, resp.ContentLength)
		}
	}
}

func TestTheOptionsOfTheWholeServerAndAbsoluteTargetsReachTheApp(t *testing.T) {
	b := start(t, Config{})
	line := make(chan string, 1)
	b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) {
		for {
			first, err := r.ReadString('\n')
			if err != nil {
				return
			}
			host, _ := r.ReadString('\n')
			line <- strings.TrimSpace(first) + " | " + strings.TrimSpace(host)
			for rest := "x"; rest != "\r\n"; {
				if rest, err = r.ReadString('\n'); err != nil {
					return
				}
			}
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	}))
	w := b.dial()
	w.send("OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n")
	w.receive("OPTIONS")
	if got := <-line; got != "OPTIONS * HTTP/1.1 | Host: app.test" {
		t.Errorf("got %q", got)
	}
	w.send("GET http://app.test/x?y HTTP/1.1\r\nHost: other.test\r\n\r\n")
	w.receive("GET")
	if got := <-line; got != "GET /x?y HTTP/1.1 | Host: app.test" {
		t.Errorf("got %q", got)
	}
}

func TestAClientThatExpects100SendsItsBodyAfterIt(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	w := b.dial()
	w.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	resp, _ := w.receive("POST")
	if resp.StatusCode != 100 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	w.send("hello")
	if resp, body := w.receive("POST"); resp.StatusCode != 200 || body != "hello" {
		t.Errorf("status %d, body %q", resp.StatusCode, body)
	}
}

func TestAnAppThatRefusesAnExpectedBodyClosesTheConnection(t *testing.T) {
	b := start(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(413) }))
	w := b.dial()
	w.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n")
	if resp, _ := w.receive("POST"); resp.StatusCode != 413 || !resp.Close {
		t.Errorf("status %d, close %t", resp.StatusCode, resp.Close)
	}
}

func TestEarlyHintsArePassedOn(t *testing.T) {
	b := start(t, Config{})
	b.route(answersRaw(t, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false))
	w := b.dial()
	w.send(request11())
	if resp, _ := w.receive("GET"); resp.StatusCode != 103 || resp.Header.Get("Link") != "</a.css>" {
		t.Errorf("status %d, headers %v", resp.StatusCode, resp.Header)
	}
	if resp, body := w.receive("GET"); resp.StatusCode != 200 || body != "ok" {
		t.Errorf("status %d, body %q", resp.StatusCode, body)
	}
}

func TestAnEarlyAnswerToALargeBodyReachesTheClient(t *testing.T) {
	b := start(t, Config{})
	b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
			_, _ = io.Copy(io.Discard, io.LimitReader(r, 100_000))
		}
	}))
	w := b.dial()
	w.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000000\r\n\r\n")
	if resp, body := w.receive("POST"); resp.StatusCode != 401 || body != "no" {
		t.Errorf("status %d, body %q", resp.StatusCode, body)
	}
}

func TestServerSentEventsAreFlushedAtOnce(t *testing.T) {
	b := start(t, Config{})
	next := make(chan string)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for text := range next {
			_, _ = io.WriteString(w, "data: "+text+"\n\n")
			w.(http.Flusher).Flush()
		}
	}))
	resp, err := b.client().Get("http://app.test/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for i := range 5 {
		next <- fmt.Sprint(i)
		line, err := lines.ReadString('\n')
		if err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("got %q, error %v", line, err)
		}
		_, _ = lines.ReadString('\n')
	}
	close(next)
	if _, err := lines.ReadString('\n'); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestABodyCutShortNeverLooksComplete(t *testing.T) {
	for name, answer := range map[string]string{
		"sized":          "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
		"chunked":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
		"inside a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npart",
		"in the trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\nX: y\r\n",
		"a broken chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n",
	} {
		b := start(t, Config{})
		b.route(answersRaw(t, answer, true))
		for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
			w := b.dial()
			w.send("GET / " + version + "\r\nHost: app.test\r\n\r\n")
			resp, err := http.ReadResponse(w.Reader, nil)
			if err != nil {
				continue // reset before the head was read: not complete either
			}
			if _, err := io.ReadAll(resp.Body); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s, %s: the body looks complete, or unfinished for ever: %v", name, version, err)
			}
		}
	}
}

func TestABodyEndedByResetNeverLooksComplete(t *testing.T) {
	b := start(t, Config{})
	seen := make(chan struct{})
	b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\npart")
			<-seen
			_ = c.(*net.TCPConn).SetLinger(0)
		}
	}))
	w := b.dial()
	w.send("GET / HTTP/1.1\r\nHost: app.test\r\nX: y\r\n\r\n")
	resp, err := http.ReadResponse(w.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 4)
	if _, err := io.ReadFull(resp.Body, part); err != nil {
		t.Fatal(err)
	}
	close(seen)
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the body looks complete")
	}
}

func TestAnAppThatDiesBeforeItsAnswerGivesA502(t *testing.T) {
	b := start(t, Config{})
	asked := make(chan struct{}, 10)
	b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			asked <- struct{}{}
		}
	}))
	status, body := b.get("http://app.test/")
	if status != 502 || !strings.Contains(body, "failed to answer") {
		t.Errorf("status %d, body %q", status, body)
	}
	if len(asked) != 1 {
		t.Errorf("the app was asked %d times", len(asked))
	}
	if !strings.Contains(b.log.String(), "a target failed to answer") {
		t.Errorf("log %q", b.log.String())
	}
}

func TestAnAppThatSpeaksNonsenseGivesA502(t *testing.T) {
	for _, answer := range []string{
		"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "HTTP/1.1 200 OK\n\nabc", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 70_000) + "\r\n\r\n",
	} {
		b := start(t, Config{})
		b.route(answersRaw(t, answer, true))
		if status, _ := b.get("http://app.test/"); status != 502 {
			t.Errorf("%.40q: status %d", answer, status)
		}
	}
}

func TestAnAppThatIsSilentGivesA504(t *testing.T) {
	b := start(t, Config{Limits: Limits{ResponseTimeout: 50 * time.Millisecond}})
	b.route(rawApp(t, func(c net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) }))
	if status, _ := b.get("http://app.test/"); status != 504 {
		t.Errorf("status %d", status)
	}
}

func TestPagesSayWhoFailedAndNothingElse(t *testing.T) {
	b := start(t, Config{})
	b.route()
	for url, want := range map[string]int{"http://unknown.test/": 404, "http://app.test/": 503} {
		q, _ := http.NewRequest("GET", url, nil)
		q.Header.Set("Accept", "application/json")
		resp, err := b.client().Do(q)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Status    int    `json:"status"`
			Code      string `json:"code"`
			Detail    string `json:"detail"`
			RequestID string `json:"request_id"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want || page.Status != want || page.RequestID != resp.Header.Get("X-Request-Id") || len(page.RequestID) != 32 {
			t.Errorf("%s: status %d, page %+v", url, resp.StatusCode, page)
		}
		if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Date") == "" {
			t.Errorf("%s: headers %v", url, resp.Header)
		}
		for accept, begin := range map[string]string{
			"text/html,application/xhtml+xml,*/*;q=0.8": "<!doctype html>", "": strconv.Itoa(want) + " ", "*/*": strconv.Itoa(want) + " ",
		} {
			q.Header.Set("Accept", accept)
			resp, err := b.client().Do(q)
			if err != nil {
				t.Fatal(err)
			}
			text := readAll(t, resp)
			if resp.StatusCode != want || !strings.HasPrefix(text, begin) || strings.Contains(text, "app.test") || !strings.Contains(text, resp.Header.Get("X-Request-Id")) {
				t.Errorf("%s, %q: status %d, page %q", url, accept, resp.StatusCode, text)
			}
		}
	}
}
