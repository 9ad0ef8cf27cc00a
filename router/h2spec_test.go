package router

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// conformance runs all cases of h2spec against a server of HTTP/2, several at a time, and returns what failed, by
// case, and how many there are.
func conformance(addr string) (failed map[string]error, cases int) {
	at := netip.MustParseAddrPort(addr)
	c := config.Config{Host: at.Addr().String(), Port: int(at.Port()), Path: "/", MaxHeaderLen: 4000, TLS: true, Insecure: true}
	failed = map[string]error{}
	var mu sync.Mutex
	var running sync.WaitGroup
	room := make(chan struct{}, 16)
	for _, test := range casesOf(generic.Spec(), http2.Spec(), hpack.Spec()) {
		room <- struct{}{}
		cases++
		running.Go(func() {
			defer func() { <-room }()
			if err := conforms(c, test); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[test.Parent.ID()+" "+test.Desc] = err
			}
		})
	}
	running.Wait()
	return failed, cases
}

// casesOf are all cases of the groups and those in them; the strict ones are about what RFC 9113 only recommends.
func casesOf(groups ...*spec.TestGroup) (all []*spec.TestCase) {
	for _, g := range groups {
		all = append(append(all, g.Tests...), casesOf(g.Groups...)...)
	}
	return all
}

// conforms runs one case on a connection of its own; where it fails, once more with longer waits: the machine may
// have been busy.
func conforms(c config.Config, test *spec.TestCase) (err error) {
	for _, c.Timeout = range []time.Duration{time.Second, 5 * time.Second} {
		var conn *spec.Conn
		if conn, err = spec.Dial(&c); err != nil {
			continue
		}
		err = test.Run(&c, conn)
		_ = conn.Close()
		if err == nil || errors.Is(err, spec.ErrSkipped) {
			return nil
		}
	}
	return err
}

func TestHTTP2IsAsConformingAsGosOwnServer(t *testing.T) {
	hello := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("hello ", 100))
	}
	b, addr := startTLS(t, Config{})
	if _, err := b.Swap(t.Context(), "app", []string{"127.0.0.1"}, []netip.AddrPort{app(t, hello)}); err != nil {
		t.Fatal(err)
	}
	yardstick := httptest.NewUnstartedServer(http.HandlerFunc(hello))
	yardstick.EnableHTTP2 = true
	yardstick.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	yardstick.StartTLS()
	defer yardstick.Close()
	var gos map[string]error
	var other sync.WaitGroup
	other.Go(func() { gos, _ = conformance(yardstick.Listener.Addr().String()) })
	ours, cases := conformance(addr)
	other.Wait()
	if cases < 100 || len(gos) > 10 {
		t.Fatalf("of %d cases Go's own server fails %d: no verdict", cases, len(gos))
	}
	for name, err := range ours {
		if gos[name] == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Logf("of %d cases the router fails %d, Go's own server %d", cases, len(ours), len(gos))
}
