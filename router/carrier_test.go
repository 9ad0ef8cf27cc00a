package router

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

func TestARequestOfHTTP2ReachesItsAppAndTheAnswerItsClient(t *testing.T) {
	b, addr := startTLS(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Cookie", "X-Many"} {
			w.Header().Set("Saw-"+name, strings.Join(r.Header[name], "|"))
		}
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s %d", r.Proto, r.Method, r.Host, r.RequestURI, len(r.TransferEncoding))
	}))
	req, _ := http.NewRequest("GET", "https://App.test:443/a%20b?c=d", nil)
	req.Header = http.Header{"X-Many": {"1", "2"}, "Cookie": {"x=1", "y=2"}, "X-Forwarded-For": {"6.6.6.6"}}
	resp, err := client2(t, addr).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body := readAll(t, resp)
	if resp.ProtoMajor != 2 || resp.StatusCode != 418 || body != "HTTP/1.1 GET App.test:443 /a%20b?c=d 0" {
		t.Errorf("%s %d %q", resp.Proto, resp.StatusCode, body)
	}
	if cookies := resp.Header["Set-Cookie"]; len(cookies) != 2 || resp.ContentLength != int64(len(body)) {
		t.Errorf("cookies %q, length %d", cookies, resp.ContentLength)
	}
	for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "App.test:443", "Cookie": "x=1; y=2", "X-Many": "1|2"} {
		if got := resp.Header.Get("Saw-" + name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if s, _ := b.Stats("app"); s.Requests[4] != 1 || s.InFlight != 0 || s.BytesOut != uint64(len(body)) {
		t.Errorf("counted %+v", s)
	}
}

func readAll(t testing.TB, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the body: %v", err)
	}
	return string(b)
}

// echoes is an app that answers with the body it got, framed as the request asks, and a sum as a trailer.
func echoes(t testing.TB) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the app could not read its request: %v", err)
		}
		w.Header().Set("Saw-Length", strconv.FormatInt(r.ContentLength, 10))
		w.Header().Set("Saw-Trailer", r.Trailer.Get("X-Sum"))
		if r.URL.Path == "/sized" {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		} else {
			w.Header().Set(http.TrailerPrefix+"X-Sum", fmt.Sprintf("%x", sha256.Sum256(body)))
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(body)
	}
}

func TestBodiesOfHTTP2ArriveWholeBothWays(t *testing.T) {
	b, addr := startTLS(t, Config{})
	b.route(app(t, echoes(t)))
	checkBodies(t, client2(t, addr))
}

func checkBodies(t *testing.T, c *http.Client) {
	for _, size := range []int{0, 1, 100, 16 << 10, 70_000, 1 << 20} {
		body := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
		for _, path := range []string{"/sized", "/chunked"} {
			for _, known := range []bool{true, false} {
				req, _ := http.NewRequest("POST", "https://app.test"+path, bytes.NewReader(body))
				want := strconv.Itoa(size)
				if !known {
					req.Body, req.ContentLength, want = io.NopCloser(bytes.NewReader(body)), -1, "-1"
					req.Trailer = http.Header{"X-Sum": {"sum"}}
				}
				resp, err := c.Do(req)
				if err != nil {
					t.Fatalf("%d bytes, %s, known %t: %v", size, path, known, err)
				}
				got := readAll(t, resp)
				if got != string(body) || resp.Header.Get("Saw-Length") != want {
					t.Errorf("%d bytes, %s, known %t: %d bytes back, length %s", size, path, known, len(got), resp.Header.Get("Saw-Length"))
				}
				if sum := fmt.Sprintf("%x", sha256.Sum256(body)); path == "/chunked" && resp.Trailer.Get("X-Sum") != sum {
					t.Errorf("%d bytes: trailer %q", size, resp.Trailer)
				}
				if trailer := resp.Header.Get("Saw-Trailer"); (trailer == "sum") == known {
					t.Errorf("%d bytes, known %t: the app saw trailer %q", size, known, trailer)
				}
			}
		}
	}
}

func TestAnswersWithoutBodyEndTheirStreamOfHTTP2(t *testing.T) {
	b, addr := startTLS(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		w.Header().Set("Content-Type", "text/plain")
		if status == 200 {
			w.Header().Set("Content-Length", "5")
		}
		w.WriteHeader(status)
	}))
	c := client2(t, addr)
	for _, q := range []struct {
		method         string
		status, length int
	}{{"HEAD", 200, 5}, {"GET", 204, 0}, {"GET", 304, 0}, {"HEAD", 404, -1}} {
		req, _ := http.NewRequest(q.method, fmt.Sprintf("https://app.test/?status=%d", q.status), nil)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, resp); body != "" || resp.StatusCode != q.status || resp.ContentLength != int64(q.length) {
			t.Errorf("%s %d: status %d, length %d, body %q", q.method, q.status, resp.StatusCode, resp.ContentLength, body)
		}
	}
}

func TestEarlyHintsReachAClientOfHTTP2(t *testing.T) {
	b, addr := startTLS(t, Config{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "ok")
	}))
	hints := make(chan string, 1)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints <- fmt.Sprint(code, h.Get("Link"))
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://app.test/", nil)
	resp, err := client2(t, addr).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, resp); body != "ok" || resp.Header.Get("Link") != "" {
		t.Errorf("body %q, header %v", body, resp.Header)
	}
	select {
	case got := <-hints:
		if got != "103</a.css>; rel=preload" {
			t.Errorf("hint %q", got)
		}
	default:
		t.Error("no hint came")
	}
}

func TestAnAnswerCutShortResetsItsStream(t *testing.T) {
	b, addr := startTLS(t, Config{})
	c := client2(t, addr)
	for name, head := range map[string]string{
		"sized":   "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: ",
	} {
		b.route(answersRaw(t, head, true))
		resp, err := c.Get("https://app.test/")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if body, err := io.ReadAll(resp.Body); err == nil || string(body) != "abc" {
			t.Errorf("%s: %q looks complete", name, body)
		}
		resp.Body.Close()
	}
}

func TestARequestOfHTTP2CutShortNeverLooksCompleteToTheApp(t *testing.T) {
	b, addr := startTLS(t, Config{})
	checkCutShort(t, b, client2(t, addr))
}

func checkCutShort(t *testing.T, b *bench, c *http.Client) {
	began, ended := make(chan struct{}, 1), make(chan error, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	}))
	for _, length := range []int64{-1, 1 << 20} {
		ctx, cancel := context.WithCancel(t.Context())
		body, feed := io.Pipe()
		req, _ := http.NewRequestWithContext(ctx, "POST", "https://app.test/", body)
		req.ContentLength = length
		gone := make(chan error, 1)
		go func() {
			_, err := c.Do(req)
			gone <- err
		}()
		if _, err := feed.Write(make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-began: // a stream that is reset earlier never was a request
		case <-time.After(patience):
			t.Fatalf("length %d: the app was never asked", length)
		}
		cancel()
		if err := <-gone; err == nil {
			t.Error("the request was answered")
		}
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("length %d: the app took the body for complete", length)
			}
		case <-time.After(patience):
			t.Fatalf("length %d: the app was never told", length)
		}
	}
}

func TestAClientOfHTTP2ThatGivesUpFreesItsAppAtOnce(t *testing.T) {
	b, addr := startTLS(t, Config{})
	checkGivesUp(t, b, client2(t, addr))
}

func checkGivesUp(t *testing.T, b *bench, c *http.Client) {
	asked, left := make(chan struct{}), make(chan struct{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(left)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://app.test/", nil)
	go func() { _, _ = c.Do(req) }()
	<-asked
	began := time.Now()
	cancel()
	select {
	case <-left:
	case <-time.After(patience):
		t.Fatal("the app was never told")
	}
	if took := time.Since(began); took > abandonCheck/2 {
		t.Errorf("it took %v", took)
	}
	eventually(t, "the request is counted", func() bool { s, _ := b.Stats("app"); return s.Requests[4] == 1 && s.InFlight == 0 })
}

func TestEventsReachAClientOfHTTP2AtOnce(t *testing.T) {
	b, addr := startTLS(t, Config{})
	next := make(chan string)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for text := range next {
			_, _ = io.WriteString(w, "data: "+text+"\n")
			w.(http.Flusher).Flush()
		}
	}))
	answer := make(chan *http.Response, 1)
	go func() {
		resp, err := client2(t, addr).Get("https://app.test/")
		if err != nil {
			t.Error(err)
		}
		answer <- resp
	}()
	next <- "0"
	resp := <-answer
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := lines.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); err != nil || line != want {
			t.Fatalf("%q, error %v, want %q", line, err, want)
		}
		if i < 2 {
			next <- strconv.Itoa(i + 1)
		}
	}
	close(next)
}

func TestAClientOfHTTP2ThatDoesNotReadHoldsOnlyItsOwnStream(t *testing.T) {
	b, addr := startTLS(t, Config{Limits: Limits{BodyTimeout: 300 * time.Millisecond}})
	told := make(chan error, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/small" {
			return
		}
		_, err := io.Copy(w, io.LimitReader(zeros{}, 100_000_000))
		told <- err
	}))
	f := dialFrames(t, addr)
	f.ask(1, true, ":method", "GET", ":scheme", "https", ":authority", "app.test", ":path", "/large")
	select {
	case err := <-told:
		if err == nil {
			t.Error("the app wrote it all to nobody")
		}
	case <-time.After(patience):
		t.Fatal("the app was never told")
	}
	f.ask(3, true, ":method", "GET", ":scheme", "https", ":authority", "app.test", ":path", "/small")
	if got := f.outcome(3); got != "200" {
		t.Errorf("another stream of the connection: %s", got)
	}
}

func TestAConnectionOfHTTP2TooManyIsToldSo(t *testing.T) {
	b, addr := startTLS(t, Config{Limits: Limits{Connections: 1}})
	b.route(says(t, "ok"))
	one := client2(t, addr)
	if resp, err := one.Get("https://app.test/"); err != nil || readAll(t, resp) != "ok" {
		t.Fatalf("error %v", err)
	}
	f := dialFrames(t, addr)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatalf("no GOAWAY: %v", err)
		}
		if away, ok := frame.(*http2.GoAwayFrame); ok {
			if away.ErrCode != http2.ErrCodeEnhanceYourCalm {
				t.Errorf("error %v", away.ErrCode)
			}
			break
		}
	}
	if resp, err := one.Get("https://app.test/"); err != nil || readAll(t, resp) != "ok" {
		t.Errorf("the first connection: error %v", err)
	}
}

func TestManyRequestsShareOneConnectionAndOneMember(t *testing.T) {
	b, addr := startTLS(t, Config{Limits: Limits{ConnectionsPerClient: 1}})
	all, release := make(chan struct{}, 50), make(chan struct{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		all <- struct{}{}
		<-release
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	c := client2(t, addr)
	failed := make(chan error, 50)
	for i := range 50 {
		go func() {
			resp, err := c.Get(fmt.Sprintf("https://app.test/%d", i))
			if err == nil {
				if body := readAll(t, resp); body != fmt.Sprintf("/%d", i) {
					err = fmt.Errorf("%d got %q", i, body)
				}
			}
			failed <- err
		}()
	}
	for range 50 {
		<-all
	}
	if n := b.clients.count(); n != 1 {
		t.Errorf("%d connections", n)
	}
	close(release)
	for range 50 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestShutdownTellsClientsOfHTTP2AndFinishesWhatIsInFlight(t *testing.T) {
	b, addr := startTLS(t, Config{})
	asked, release := make(chan struct{}), make(chan struct{})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-release
		_, _ = io.WriteString(w, "whole")
	}))
	c := client2(t, addr)
	answer := make(chan string, 1)
	go func() {
		resp, err := c.Get("https://app.test/")
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- readAll(t, resp)
	}()
	<-asked
	idle := client2(t, addr)
	if resp, err := idle.Get("https://other.test/"); err != nil || resp.StatusCode != 404 {
		t.Fatalf("%v, error %v", resp, err)
	}
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		stopped <- b.Shutdown(ctx)
	}()
	eventually(t, "nothing is accepted any more", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	close(release)
	if got := <-answer; got != "whole" {
		t.Errorf("the request in flight: %s", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
