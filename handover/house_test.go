package handover

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

func answering(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

// ledger is a Front that notes what it is told.
type ledger struct {
	mu     sync.Mutex
	tables []string
	orders []DrainOrder
	routed chan struct{} // closed at the first drain
	once   sync.Once
}

func (l *ledger) Memory() (json.RawMessage, error) { return json.RawMessage(`{"secret":7}`), nil }

func (l *ledger) Route(t json.RawMessage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tables = append(l.tables, string(t))
	return nil
}

func (l *ledger) Drain(_ context.Context, targets []netip.AddrPort, deadline time.Duration) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.orders = append(l.orders, DrainOrder{targets, deadline})
	l.once.Do(func() { close(l.routed) })
	return 3, nil
}

// DrainStreams blocks as long as the old process lives.
func (l *ledger) DrainStreams(ctx context.Context, _ []netip.AddrPort) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// house is the old process: a server on a socket, and the lock of a state folder.
type house struct {
	offer   Offer
	front   *ledger
	address string
	state   string
}

func newHouse(t *testing.T, successor string) *house {
	t.Helper()
	h := &house{front: &ledger{routed: make(chan struct{})}, address: "127.0.0.1:0", state: filepath.Join(t.TempDir(), "lock")}
	lock, err := os.Create(h.state)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	h.offer = Offer{Path: os.Args[0], Sockets: NewSockets(), Lock: lock, Front: h.front, Files: legacy(t)}
	t.Setenv(role, successor)
	t.Setenv("HANDOVER_TEST_ADDRESS", h.address)
	t.Cleanup(func() { _ = h.offer.Sockets.Close(); _ = lock.Close() })
	return h
}

// legacy returns files that a successor is left.
func legacy(t *testing.T) (files []*os.File) {
	t.Helper()
	for i := range 2 {
		path := filepath.Join(t.TempDir(), "left")
		if err := os.WriteFile(path, fmt.Append(nil, i), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		files = append(files, file)
	}
	return files
}

// serve answers "old" at the returned address. stop ends the accepting: a Shutdown of net/http's server
// would drop connections that it has accepted and not yet read from.
func (h *house) serve(t *testing.T) (address string, stop func()) {
	t.Helper()
	ln, err := h.offer.Sockets.Listen("web", h.address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: answering("old")}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return ln.Addr().String(), func() { _ = ln.Close() }
}

// locked reports whether somebody holds the lock of the state folder.
func (h *house) locked(t *testing.T) bool {
	t.Helper()
	f, err := os.Open(h.state)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil
}

// ask asks once, on a connection of its own.
func ask(address string) (string, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
