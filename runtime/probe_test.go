package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"csph/platform"
	"csph/test/port"
)

// patience bounds what takes as long as the machine is busy.
const patience = 20 * time.Second

// at is a spherelet that listens on addr.
func at(addr netip.AddrPort) platform.Spherelet {
	return platform.Spherelet{ID: "sph_1", Address: addr}
}

func serve(t *testing.T, h http.HandlerFunc) netip.AddrPort {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

// accept answers every connection to a port with say.
func accept(t *testing.T, say func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			say(c)
			c.Close()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

// soon bounds the probing of what will never be ready.
func soon(c platform.Check) *platform.Check {
	c.FailureTimeout, c.RetryPeriod = 200*time.Millisecond, 20*time.Millisecond
	return &c
}

func TestWithoutACheckWhatIsNotAnErrorPasses(t *testing.T) {
	for status, want := range map[int]string{
		200: "passes", 204: "passes", 301: "passes", 302: "passes",
		400: "warns", 401: "warns", 403: "warns", 404: "warns", 405: "warns", 501: "warns",
		500: "fails", 502: "fails", 503: "fails",
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var path atomic.Value
			addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
				path.Store(r.URL.Path)
				w.Header().Set("Location", "http://192.0.2.1/elsewhere")
				w.WriteHeader(status)
			})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if want == "fails" {
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			warning, err := Prober{}.Ready(ctx, at(addr), nil)
			got := "passes"
			if err != nil {
				got = "fails"
			} else if warning != "" {
				got = "warns"
			}
			if got != want || path.Load() != HealthPath {
				t.Errorf("%s (%q, %v), want it %s; asked for %s", got, warning, err, want, path.Load())
			}
		})
	}
}

func TestWithoutACheckASilentOrClosedPortFails(t *testing.T) {
	closed := netip.MustParseAddrPort("127.0.0.1:1")
	cut := accept(t, func(c net.Conn) { c.Read(make([]byte, 1024)) })
	hung := accept(t, func(c net.Conn) {
		c.SetReadDeadline(time.Now().Add(patience))
		for b := make([]byte, 1024); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	})
	for addr, want := range map[netip.AddrPort]string{closed: "refused", cut: "closed without an answer", hung: "no answer"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := (Prober{}).Ready(ctx, at(addr), nil)
		var unhealthy *UnhealthyError
		if !errors.As(err, &unhealthy) || !strings.Contains(unhealthy.Last, want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

func TestWithoutACheckAnotherProtocolPassesWithAWarning(t *testing.T) {
	addr := accept(t, func(c net.Conn) {
		c.Write([]byte("220 mail.example ESMTP\r\n"))
		c.SetReadDeadline(time.Now().Add(time.Second))
		c.Read(make([]byte, 1024))
	})
	warning, err := Prober{}.Ready(t.Context(), at(addr), nil)
	if err != nil || !strings.Contains(warning, "not HTTP") {
		t.Errorf("%q, %v", warning, err)
	}
}

func TestAConfiguredCheckDemands2xx(t *testing.T) {
	for status, passes := range map[int]bool{200: true, 204: true, 404: false, 500: false, 304: false} {
		addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/ready" || r.URL.RawQuery != "deep=1" || r.Host != "app.example" {
				status = 418
			}
			w.WriteHeader(status)
		})
		warning, err := Prober{}.Ready(t.Context(), at(addr), soon(platform.Check{Path: "/ready?deep=1", Host: "app.example"}))
		if (err == nil) != passes || warning != "" {
			t.Errorf("%d: %q, %v", status, warning, err)
		}
	}
}

func TestAConfiguredCheckFollowsRedirectsWithinTheSpherelet(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/relative":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/named":
			http.Redirect(w, r, "http://app.example/ok", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "http://192.0.2.1/ok", http.StatusFound)
		case "/tls":
			http.Redirect(w, r, "https://app.example/ok", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/ok":
			if r.Host != "app.example" {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
	})
	for path, want := range map[string]string{"/relative": "", "/named": "", "/away": "away from the spherelet", "/tls": "away from", "/loop": "more than 10 times"} {
		_, err := (Prober{}).Ready(t.Context(), at(addr), soon(platform.Check{Path: path, Host: "app.example"}))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestACheckCanNameAnotherPort(t *testing.T) {
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	service := netip.AddrPortFrom(addr.Addr(), 1)
	if _, err := (Prober{}).Ready(t.Context(), at(service), soon(platform.Check{Path: "/", Port: int(addr.Port())})); err != nil {
		t.Error(err)
	}
}

func TestASlowStartIsNoticedAtOnce(t *testing.T) {
	addr := netip.MustParseAddrPort(port.Reserve(t))
	up := make(chan time.Time, 1)
	time.AfterFunc(100*time.Millisecond, func() {
		l, err := net.Listen("tcp", addr.String())
		up <- time.Now()
		if err == nil {
			s := &http.Server{Handler: http.NotFoundHandler()}
			context.AfterFunc(t.Context(), func() { s.Close() })
			s.Serve(l)
		}
	})
	if _, err := (Prober{}).Ready(t.Context(), at(addr), nil); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(<-up); waited > retryPeriod/4 { // the machine may be busy for longer than a brief pause
		t.Errorf("an app was noticed %v after it was up", waited)
	}
}

func TestThePaceSlowsDownToTheRetryPeriod(t *testing.T) {
	p := newPace(retryPeriod)
	var total time.Duration
	var longest time.Duration
	tries := 0
	for ; total < failureTimeout; tries++ {
		d := p.next(total)
		if total < eager && d > briefPause {
			t.Fatalf("a pause of %v after %v", d, total)
		}
		longest = max(longest, d)
		total += d
	}
	if longest != retryPeriod || tries > 400 {
		t.Errorf("longest pause %v, %d tries in %v", longest, tries, total)
	}
}

func TestTheEndOfTheContextEndsTheProbing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the spherelet has crashed")
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	_, err := (Prober{}).Ready(ctx, at(netip.MustParseAddrPort("127.0.0.1:1")), nil)
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestACheckCanAskByTLSWithoutLookingAtTheCertificate(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	target := at(netip.MustParseAddrPort(s.Listener.Addr().String()))
	if err := (Prober{}).Try(t.Context(), target, platform.Check{Path: "/", Scheme: "https"}); err != nil {
		t.Error(err)
	}
	if err := (Prober{}).Try(t.Context(), target, platform.Check{Path: "/"}); err == nil {
		t.Error("the same port passes without TLS")
	}
}
