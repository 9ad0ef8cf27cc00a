package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/websocket"

	"csph/handover"
)

// upgradeUnderLoad replaces a csphd that serves over HTTP/1.1, HTTP/2, HTTP/3 and websockets three times, once in
// vain, rolls changes out while an old one still drains, and swaps the table of routes 200 times. No request and
// no message may be lost, and a client that comes back to a new process resumes its session.
func upgradeUnderLoad(t *testing.T, s *server) {
	s.csph(t, "deploy", filepath.Join("..", "apps", "go-hello"), "--service", "moved")
	const host = "moved.localhost"
	plain, secure, packets := startLoad(s.http, host, "/"), startSecureLoad(s.https, host), startPacketLoad(s.https, host)
	sessions := newSessions(s.https, host)
	sessions.visit(t, false)
	sockets := startSockets(t, s.http, host, 16)
	defer func() { plain.end(); secure.end(); packets.end(); sockets.end() }()

	first := s.pid()
	s.upgrade(t)
	if s.pid() == first {
		t.Fatal("the old csphd is still the one that reigns")
	}
	sessions.visit(t, true)
	s.csph(t, "services", "set-env", "moved", "GREETING=again") // the old one serves the websockets of what this replaces
	s.swap(t, "moved", 200)
	second := s.pid()
	s.refuseUpgrade(t)
	if s.pid() != second {
		t.Error("a csphd that cannot start has taken over")
	}
	s.upgrade(t)
	sessions.visit(t, true)
	s.csph(t, "services", "set-env", "moved", "GREETING=once more")

	for _, l := range []struct {
		name  string
		least int64
		*load
	}{{"HTTP/1.1", 500, plain}, {"HTTP/2", 100, secure}, {"HTTP/3", 100, packets}, {"websocket", 500, sockets}} {
		l.end()
		t.Logf("%s: %d requests or messages, %d failed", l.name, l.sent.Load(), l.failed.Load())
		if l.failed.Load() > 0 || l.sent.Load() < l.least {
			t.Errorf("%s: %d of %d failed, the first one: %v; %d are needed for a verdict", l.name, l.failed.Load(), l.sent.Load(), l.firstFail.Load(), l.least)
		}
	}
	s.csph(t, "services", "delete", "moved", "--yes")
}

// swap has csphd install n tables one after the other, which the process that drains follows.
func (s *server) swap(t *testing.T, service string, n int) {
	t.Helper()
	before := s.tableVersion(t)
	for i := range n / 2 {
		name := fmt.Sprintf("swap-%d.internal", i)
		s.call(t, http.MethodPost, "/v1/domains", fmt.Sprintf(`{"name": %q, "service": %q}`, name, service))
		s.call(t, http.MethodDelete, "/v1/domains/"+name, "")
	}
	if got := s.tableVersion(t) - before; got < n {
		t.Errorf("there were %d tables, want %d", got, n)
	}
}

// tableVersion counts the tables that the router has had.
func (s *server) tableVersion(t *testing.T) int {
	t.Helper()
	_, after, _ := strings.Cut(s.call(t, http.MethodGet, "/metrics", ""), "\ncsph_router_table_version ")
	text, _, _ := strings.Cut(after, "\n")
	version, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("read the version of the table: %v", err)
	}
	return int(version)
}

// call asks the API and returns its answer.
func (s *server) call(t *testing.T, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token())
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %s (%v)", method, path, resp.Status, text, err)
	}
	return string(text)
}

// csph runs the client.
func (s *server) csph(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "csph"), args...)
	cmd.Env = append(os.Environ(), "CSPH_URL=http://"+s.api, "CSPH_TOKEN="+s.token())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("csph %v: %v\n%s", args, err, out)
	}
}

// upgrade has a new csphd take over, and adopts it.
func (s *server) upgrade(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(s.bin, "csphd"), "upgrade", "--state", s.state).CombinedOutput()
	if err != nil {
		t.Fatalf("csphd upgrade: %v\n%s", err, out)
	}
	t.Logf("%s", out)
	s.mu.Lock()
	if s.cmd != nil {
		s.outgoing, s.cmd = append(s.outgoing, s.cmd), nil
	}
	s.mu.Unlock()
	if err := s.awaitHealthy(); err != nil {
		t.Fatal(err)
	}
}

// refuseUpgrade offers the place to a csphd that gets ready, takes the state over, and cannot listen then.
func (s *server) refuseUpgrade(t *testing.T) {
	t.Helper()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := filepath.Join(t.TempDir(), "csphd")
	script := fmt.Sprintf("#!/bin/sh\nexec %s/csphd \"$@\" --bin-dir %s --api %s\n", s.bin, s.bin, taken.Addr())
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = handover.Upgrade(ctx, filepath.Join(s.state, "csphd.sock"), handover.Order{Path: path, Wait: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("the upgrade that must fail: %v", err)
	}
	if err := s.awaitHealthy(); err != nil {
		t.Fatal(err)
	}
}

// pid is of the csphd that reigns over the state folder.
func (s *server) pid() int {
	b, err := os.ReadFile(filepath.Join(s.state, "csphd.pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

// signalSuccessor is signal for a csphd that is no child of the tests.
func (s *server) signalSuccessor(sig syscall.Signal) error {
	pid := s.pid()
	if err := syscall.Kill(pid, sig); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return poll(ctx, func() error {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && !strings.Contains(string(stat), ") Z ") {
			return fmt.Errorf("csphd (pid %d) is still there", pid)
		}
		return nil
	})
}

// reap waits for the csphds that have handed over.
func (s *server) reap() error {
	for _, cmd := range s.outgoing {
		_ = cmd.Process.Signal(syscall.SIGTERM) // the tests' connections are closed; what is left are timeouts
		if err := cmd.Wait(); err != nil {
			return err
		}
	}
	s.outgoing = nil
	return nil
}

// startSecureLoad asks over HTTP/2.
func startSecureLoad(addr, host string) *load {
	return startEncryptedLoad(addr, host, 2, func(secure *tls.Config) http.RoundTripper {
		return &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: secure}
	})
}

// startPacketLoad asks over HTTP/3.
func startPacketLoad(addr, host string) *load {
	return startEncryptedLoad(addr, host, 3, func(secure *tls.Config) http.RoundTripper {
		return &http3.Transport{TLSClientConfig: secure}
	})
}

// startEncryptedLoad asks over a version of HTTP that keeps its connections.
func startEncryptedLoad(addr, host string, version int, over func(*tls.Config) http.RoundTripper) *load {
	ctx, stop := context.WithCancel(context.Background())
	ld := &load{stop: stop, version: version}
	for range 2 {
		client := &http.Client{Timeout: 20 * time.Second, Transport: over(&tls.Config{InsecureSkipVerify: true, ServerName: host})}
		ld.wg.Go(func() {
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				ld.ask(client, "https://"+addr+"/", host)
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	return ld
}

// sessions is a client that remembers its TLS sessions and nothing else.
type sessions struct {
	addr   string
	config *tls.Config
}

func newSessions(addr, host string) *sessions {
	return &sessions{addr: addr, config: &tls.Config{
		InsecureSkipVerify: true, ServerName: host, ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}}
}

// visit makes a connection for one request, and checks whether it resumed the session of the one before.
func (v *sessions) visit(t *testing.T, resumed bool) {
	t.Helper()
	conn, err := tls.Dial("tcp", v.addr, v.config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", v.config.ServerName); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil { // the ticket comes before the answer
		t.Fatal(err)
	}
	if got := conn.ConnectionState().DidResume; got != resumed {
		t.Errorf("resumed: %t, want %t", got, resumed)
	}
}

// startSockets opens websockets; every message must come back.
func startSockets(t *testing.T, addr, host string, n int) *load {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ld := &load{stop: stop}
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		config, err := websocket.NewConfig("ws://"+host+"/ws", "http://"+host)
		if err != nil {
			t.Fatal(err)
		}
		ws, err := websocket.NewClient(config, conn)
		if err != nil {
			t.Fatalf("open a websocket: %v", err)
		}
		ld.wg.Go(func() {
			defer ws.Close()
			for ctx.Err() == nil && ld.echo(ws) {
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	return ld
}

// echo sends one message and reports whether it came back.
func (l *load) echo(ws *websocket.Conn) bool {
	message := strconv.FormatInt(l.sent.Add(1), 10)
	var back string
	err := ws.SetDeadline(time.Now().Add(20 * time.Second))
	if err == nil {
		err = websocket.Message.Send(ws, message)
	}
	if err == nil {
		err = websocket.Message.Receive(ws, &back)
	}
	if err == nil && back != message {
		err = fmt.Errorf("%q came back as %q", message, back)
	}
	if err != nil && l.failed.Add(1) == 1 {
		l.firstFail.Store("websocket: " + err.Error())
	}
	return err == nil
}

// end stops a load; a second time it does nothing.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
}
