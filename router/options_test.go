package router

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"strings"
	"testing"
)

func TestABodyBeyondTheLimitOfItsServiceIsRefused(t *testing.T) {
	b, addr := startTLS(t, Config{Limits: Limits{BodyBytes: 100_000}})
	whole := make(chan int64, 1)
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err == nil {
			whole <- n
		}
	}))
	for protocol, c := range map[string]*http.Client{"http://": b.client(), "https://": client2(t, addr)} {
		for _, x := range []struct {
			limit      int64
			size       int
			told       bool
			wantStatus int
		}{
			{0, 100_000, true, 200}, {0, 100_001, true, 413}, {0, 100_000, false, 200}, {0, 200_000, false, 413},
			{10, 11, true, 413}, {10, 11, false, 413}, {10, 10, true, 200}, {-1, 300_000, true, 200}, {-1, 300_000, false, 200},
		} {
			b.Configure("app", Options{BodyBytes: x.limit})
			req, _ := http.NewRequest("POST", protocol+"app.test/", bytes.NewReader(make([]byte, x.size)))
			if !x.told {
				req.ContentLength, req.Body = -1, io.NopCloser(bytes.NewReader(make([]byte, x.size)))
			}
			resp, err := c.Do(req)
			if err != nil {
				t.Fatalf("%s %+v: %v", protocol, x, err)
			}
			body := readAll(t, resp)
			if resp.StatusCode != x.wantStatus || x.wantStatus == 413 && !strings.Contains(body, "larger than the") {
				t.Errorf("%s %+v: status %d, %q", protocol, x, resp.StatusCode, body)
			}
			if x.wantStatus == 200 {
				if n := <-whole; n != int64(x.size) {
					t.Errorf("%s %+v: the app got %d bytes", protocol, x, n)
				}
			}
		}
	}
	select {
	case n := <-whole:
		t.Errorf("a refused body of %d bytes looked complete to the app", n)
	default:
	}
}

func TestOptionsOutliveSwapsAndGoWithTheirService(t *testing.T) {
	b := start(t, Config{})
	b.Configure("app", Options{BodyBytes: 1})
	b.route(says(t, "one"))
	b.route(says(t, "two"))
	w := b.dial()
	w.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nab")
	if resp, _ := w.receive("POST"); resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
	b.Remove(t.Context(), "app")
	b.route(says(t, "three"))
	w = b.dial()
	w.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nab")
	if resp, body := w.receive("POST"); resp.StatusCode != 200 || body != "three" {
		t.Errorf("status %d, body %q", resp.StatusCode, body)
	}
}

func TestAStickyClientKeepsItsTargetUntilThatIsGone(t *testing.T) {
	b := start(t, Config{})
	targets := []netip.AddrPort{says(t, "0"), says(t, "1"), says(t, "2"), says(t, "3")}
	b.Configure("app", Options{Sticky: true})
	b.route(targets...)
	c := b.client()
	c.Jar, _ = cookiejar.New(nil)
	ask := func() (string, *http.Response) {
		resp, err := c.Get("http://app.test/")
		if err != nil {
			t.Fatal(err)
		}
		return readAll(t, resp), resp
	}
	first, resp := ask()
	cookie := resp.Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, stickyCookie+"=") || strings.Contains(cookie, "Secure") || strings.Contains(cookie, "127.0.0.1") {
		t.Errorf("cookie %q", cookie)
	}
	for range 20 {
		if again, resp := ask(); again != first || resp.Header.Get("Set-Cookie") != "" {
			t.Fatalf("target %s after %s, cookie %q", again, first, resp.Header.Get("Set-Cookie"))
		}
	}
	b.route(targets[(first[0]-'0'+1)%4], targets[(first[0]-'0'+2)%4])
	second, resp := ask()
	if second == first || resp.Header.Get("Set-Cookie") == "" {
		t.Errorf("target %s after %s, cookie %q", second, first, resp.Header.Get("Set-Cookie"))
	}
	b.route(nobody(t), targets[second[0]-'0'])
	for range 5 {
		if again, _ := ask(); again != second {
			t.Fatalf("target %s after %s", again, second)
		}
	}
}

func TestClientsAreToldWhyNothingServes(t *testing.T) {
	b := start(t, Config{})
	b.route()
	for why, want := range map[Absence]string{NotLive: "not_live", Starting: "starting", Failing: "failing", Suspended: "suspended"} {
		b.Configure("app", Options{Absence: why})
		w := b.dial()
		w.send(request11("Accept: application/json"))
		resp, body := w.receive("GET")
		if resp.StatusCode != 503 || !strings.Contains(body, `"code":"`+want+`"`) || !strings.Contains(body, resp.Header.Get("X-Request-Id")) {
			t.Errorf("%s: %d %s", want, resp.StatusCode, body)
		}
		if again := resp.Header.Get("Retry-After"); (again == "") != (why == Suspended) {
			t.Errorf("%s: Retry-After %q", want, again)
		}
	}
}
