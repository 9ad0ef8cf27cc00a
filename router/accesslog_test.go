package router

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// logLine is a line of the access log as its readers know it.
type logLine struct {
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Client    string    `json:"client"`
	Protocol  string    `json:"protocol"`
	TLS       bool      `json:"tls"`
	Method    string    `json:"method"`
	Host      string    `json:"host"`
	Path      string    `json:"path"`
	Status    int       `json:"status"`
	Micros    *int64    `json:"duration_us"`
	BytesIn   int64     `json:"bytes_in"`
	BytesOut  int64     `json:"bytes_out"`
	Target    string    `json:"target"`
	RequestID string    `json:"request_id"`
	UserAgent string    `json:"user_agent"`
}

// logged stops the router and returns the lines of its access log.
func (b *bench) logged(log *lines) (list []logLine) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		b.t.Fatal(err)
	}
	for line := range strings.Lines(log.String()) {
		var l logLine
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			b.t.Fatalf("%q: %v", line, err)
		}
		list = append(list, l)
	}
	return list
}

func TestEachRequestIsOneLineOfTheAccessLog(t *testing.T) {
	log := &lines{}
	b := start(t, Config{AccessLog: AccessTo(log)})
	target := says(t, "hello")
	b.route(target)
	begun := time.Now()
	w := b.dial()
	w.send("POST /a\xff?b=\"c\" HTTP/1.1\r\nHost: App.test:80\r\nUser-Agent: me\\\r\nContent-Length: 3\r\n\r\nabc")
	w.receive("POST")
	w.send("GET /x HTTP/1.1\r\nHost: unknown.test\r\n\r\n")
	w.receive("GET")
	_ = w.Close()
	list := b.logged(log)
	if len(list) != 2 {
		t.Fatalf("lines: %+v", list)
	}
	l := list[0]
	if l.Time.Before(begun.Add(-time.Second)) || l.Time.After(time.Now()) || l.Micros == nil || len(l.RequestID) != 32 {
		t.Errorf("time %s, duration %v, request id %q", l.Time, l.Micros, l.RequestID)
	}
	l.Time, l.Micros, l.RequestID = time.Time{}, nil, ""
	want := logLine{
		Service: "app", Client: "127.0.0.1", Protocol: "HTTP/1.1", Method: "POST", Host: "app.test", Path: "/a\u00ff?b=\"c\"", Status: 200,
		BytesIn: 3, BytesOut: 5, Target: target.String(), UserAgent: `me\`,
	}
	if l != want {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
	if l := list[1]; l.Status != 404 || l.Service != "" || l.Host != "unknown.test" || l.Target != "" {
		t.Errorf("got %+v", l)
	}
}

func TestASampledAccessLogKeepsEveryServerError(t *testing.T) {
	log := &lines{}
	b := start(t, Config{AccessLog: AccessTo(log), AccessLogEvery: 10})
	b.route(app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(500)
		}
	}))
	w := b.dial()
	for i := range 100 {
		path := "/good"
		if i%20 == 0 {
			path = "/bad"
		}
		w.send("GET " + path + " HTTP/1.1\r\nHost: app.test\r\n\r\n")
		w.receive("GET")
	}
	_ = w.Close()
	count := map[int]int{}
	for _, l := range b.logged(log) {
		count[l.Status]++
	}
	if count[500] != 5 || count[200] != 9 {
		t.Errorf("lines by status: %v", count)
	}
}

// byService is an AccessLog that keeps the lines of services apart.
type byService map[string]int

func (b byService) WriteAccess(service string, lines []byte) error {
	b[service] += strings.Count(string(lines), "\n")
	return nil
}

func TestEachServiceHasItsOwnAccessLogAndMayHaveNone(t *testing.T) {
	log := byService{}
	b := start(t, Config{AccessLog: log})
	b.route(says(t, "hello"))
	for service, every := range map[string]int{"quiet": -1, "sampled": 5} {
		b.Configure(service, Options{AccessEvery: every})
		if _, err := b.Swap(t.Context(), service, []string{service + ".test"}, []netip.AddrPort{says(t, "hello")}); err != nil {
			t.Fatal(err)
		}
	}
	w := b.dial()
	for i := range 60 {
		host := []string{"app.test", "quiet.test", "sampled.test", "unknown.test"}[i%4]
		w.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		w.receive("GET")
	}
	_ = w.Close()
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := (byService{"app": 15, "sampled": 3, "": 15}); !maps.Equal(log, want) {
		t.Errorf("lines by service: %v, want %v", log, want)
	}
}

// stuck is a writer that takes nothing until it is freed.
type stuck struct {
	held, free chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	select {
	case s.held <- struct{}{}:
	default:
	}
	<-s.free
	return len(b), nil
}

func TestAnAccessLogThatIsStuckDropsLinesAndCountsThem(t *testing.T) {
	out := &stuck{held: make(chan struct{}, 1), free: make(chan struct{})}
	l := newAccessLog(AccessTo(out), 1, accessDelay)
	e := &accessEntry{start: time.Now(), client: []byte("::1"), path: []byte(strings.Repeat("x", 1000))}
	l.add(e)
	<-out.held
	for range 2 * accessBuffer / 1000 {
		l.add(e)
	}
	if n := l.dropped.Load(); n < accessBuffer/1000/2 {
		t.Errorf("dropped %d", n)
	}
	if size := len(l.waiting); size > accessBuffer {
		t.Errorf("%d bytes wait", size)
	}
	close(out.free)
	l.close()
}

func TestTheLongestLineFitsItsBound(t *testing.T) {
	long := []byte(strings.Repeat("\xff", 100_000))
	l := &accessLog{}
	l.line(&accessEntry{service: strings.Repeat("s", 100), method: long, host: long, path: long, agent: long, requestID: long, client: []byte("::1")})
	if len(l.waiting) > accessLine {
		t.Errorf("%d bytes", len(l.waiting))
	}
	var got map[string]any
	if err := json.Unmarshal(l.waiting, &got); err != nil {
		t.Error(err)
	}
}

func FuzzAccessLogString(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\"\\\x7f\u2028ÿ</script>")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendJSON(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		want := ""
		for _, c := range []byte(s) {
			want += fmt.Sprintf("%c", c)
		}
		if got != want {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

func TestManyLinesAreWrittenWithoutADelay(t *testing.T) {
	log := &lines{}
	l := newAccessLog(AccessTo(log), 1, time.Hour)
	defer l.close()
	for range 3 {
		for range accessMuch / 100 { // a line is longer than that
			l.add(&accessEntry{method: []byte("GET"), host: []byte("app.test"), path: []byte("/"), requestID: []byte("id"), status: 200})
		}
		eventually(t, "much is written", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.waiting) < accessMuch
		})
	}
	if n := l.dropped.Load(); n > 0 {
		t.Errorf("%d lines were dropped", n)
	}
}
