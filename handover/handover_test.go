package handover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/rpc/jsonrpc"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// role tells a copy of the test, started as a successor, how to behave.
const role = "HANDOVER_TEST_ROLE"

func TestMain(m *testing.M) {
	if r := os.Getenv(role); r != "" {
		if err := succeed(r); err != nil {
			fmt.Fprintln(os.Stderr, "successor:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// succeed is a successor, to the end of the process before it.
func succeed(role string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := Inherit()
	if err != nil {
		return err
	}
	if role == "refuse" {
		return errors.Join(p.Failed(ctx, errors.New("the configuration is bad")), errors.New("refused"))
	}
	if err := p.Prepared(ctx, "v2"); err != nil {
		return err
	}
	if role == "die" {
		return errors.New("died")
	}
	if err := readLegacy(p.Files); err != nil {
		return err
	}
	ln, err := p.Sockets.Listen("web", os.Getenv("HANDOVER_TEST_ADDRESS"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: answering("new")}
	go func() { _ = server.Serve(ln) }()
	if memory, err := p.Memory(ctx); err != nil || string(memory) != `{"secret":7}` {
		return fmt.Errorf("remembered %s: %w", memory, err)
	}
	if err := p.Serving(ctx); err != nil {
		return err
	}
	if err := p.Route(ctx, map[string]int{"version": 7}); err != nil {
		return err
	}
	cut, err := p.Drain(ctx, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:80")}, time.Minute)
	if err != nil || cut != 3 {
		return fmt.Errorf("drain: %d, %w", cut, err)
	}
	for err == nil { // until the test lets go
		_, err = p.DrainStreams(ctx, nil)
	}
	return server.Shutdown(ctx)
}

// readLegacy expects the files that a house leaves: each holds its place among them.
func readLegacy(files []*os.File) error {
	if len(files) != 2 {
		return fmt.Errorf("%d files were left, want 2", len(files))
	}
	for i, file := range files {
		b := make([]byte, 1)
		if _, err := file.ReadAt(b, 0); err != nil || string(b) != fmt.Sprint(i) {
			return fmt.Errorf("file %d holds %q: %w", i, b, err)
		}
		if flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			return fmt.Errorf("file %d would be inherited by any process: %w", i, err)
		}
	}
	return nil
}

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

func TestNoConnectionIsRefusedWhileTheSocketsChangeHands(t *testing.T) {
	h := newHouse(t, "take over")
	address, stop := h.serve(t)
	var asked, fresh, failed atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				said, err := ask(address)
				asked.Add(1)
				if said == "new" {
					fresh.Add(1)
				}
				if err != nil {
					failed.Add(1)
					t.Log(err)
				}
			}
		})
	}
	s, err := h.offer.Start(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Proceed(within(t)); err != nil {
		t.Fatal(err)
	}
	stop()
	if s.Version() != "v2" {
		t.Errorf("the successor is %q", s.Version())
	}
	for before := fresh.Load(); fresh.Load() < before+50 && failed.Load() == 0; {
		if said, err := ask(address); err != nil || said != "new" {
			t.Fatalf("afterwards %q answers (%v)", said, err)
		}
	}
	cancel()
	clients.Wait()
	if failed.Load() > 0 || fresh.Load() == 0 {
		t.Errorf("%d of %d requests failed, %d reached the new process", failed.Load(), asked.Load(), fresh.Load())
	}
	t.Logf("%d requests, %d failed", asked.Load(), failed.Load())
	select {
	case <-h.front.routed:
	case <-within(t).Done():
		t.Fatal("the successor did not drain")
	}
	s.Leave()
	<-s.exited
	if s.exitErr != nil {
		t.Errorf("the successor ended: %v", s.exitErr)
	}
}

func TestTheOldProcessFollowsItsSuccessorsTableAndDrainsForIt(t *testing.T) {
	h := newHouse(t, "take over")
	_, stop := h.serve(t)
	defer stop()
	s, err := h.offer.Start(within(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	if err := s.Proceed(within(t)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.front.routed:
	case <-within(t).Done():
		t.Fatal("the successor did not drain")
	}
	h.front.mu.Lock()
	defer h.front.mu.Unlock()
	if got := strings.Join(h.front.tables, " "); got != `{"version":7}` {
		t.Errorf("tables: %s", got)
	}
	if o := h.front.orders; len(o) != 1 || o[0].Deadline != time.Minute || len(o[0].Targets) != 1 || o[0].Targets[0].String() != "10.0.0.1:80" {
		t.Errorf("drains: %v", o)
	}
}

func TestASuccessorThatIsNotReadySaysWhyAndTheOldProcessGoesOn(t *testing.T) {
	h := newHouse(t, "refuse")
	address, stop := h.serve(t)
	defer stop()
	_, err := h.offer.Start(within(t))
	if err == nil || !strings.Contains(err.Error(), "the configuration is bad") {
		t.Errorf("got %v", err)
	}
	if said, err := ask(address); err != nil || said != "old" {
		t.Errorf("%q answers (%v)", said, err)
	}
}

func TestASuccessorThatCannotBeStartedIsAnError(t *testing.T) {
	h := newHouse(t, "")
	h.offer.Path = filepath.Join(t.TempDir(), "csphd")
	if _, err := h.offer.Start(within(t)); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}

func TestASuccessorThatDiesWhileTakingOverLeavesTheOldProcessServing(t *testing.T) {
	h := newHouse(t, "die")
	address, stop := h.serve(t)
	defer stop()
	s, err := h.offer.Start(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Proceed(within(t)); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("got %v", err)
	}
	for range 10 {
		if said, err := ask(address); err != nil || said != "old" {
			t.Fatalf("%q answers (%v)", said, err)
		}
	}
}

func TestTheLockIsHeldFromOneProcessToTheNext(t *testing.T) {
	h := newHouse(t, "take over")
	_, stop := h.serve(t)
	s, err := h.offer.Start(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Proceed(within(t)); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := h.offer.Lock.Close(); err != nil {
		t.Fatal(err)
	}
	if !h.locked(t) {
		t.Error("the successor does not hold the lock")
	}
	s.Kill()
	if h.locked(t) {
		t.Error("the lock outlives the successor")
	}
}

func TestTheStateIsFreeOnceTheOldProcessHasDied(t *testing.T) {
	ours, theirs := net.Pipe()
	p := &Predecessor{calls: jsonrpc.NewClient(ours)}
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Prepared(within(t), "v2"); err != nil {
		t.Errorf("Prepared: %v", err)
	}
	if err := p.Route(within(t), 1); !errors.Is(err, ErrGone) {
		t.Errorf("Route: %v", err)
	}
}

func TestAProcessThatWasNotStartedAsASuccessorInheritsNothing(t *testing.T) {
	p, err := Inherit()
	if p != nil || err != nil {
		t.Errorf("%v, %v", p, err)
	}
}

func TestASocketIsUsedAgainForTheSameAddressOnly(t *testing.T) {
	s := NewSockets()
	defer s.Close()
	port := func(address string) string {
		ln, err := s.Listen("web", address)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, p, _ := net.SplitHostPort(ln.Addr().String())
		return p
	}
	first := port("127.0.0.1:0")
	if again := port("127.0.0.1:0"); again != first {
		t.Errorf("the same address got %s, then %s", first, again)
	}
	if other := port("localhost:0"); other == first {
		t.Error("another address got the old socket")
	}
	if err := s.Keep(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", "127.0.0.1:"+first); err == nil {
		t.Error("a socket that was replaced is still there")
	}
}

func TestAnOrderIsCarriedOutAndAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "csphd.sock")
	c := NewControl(path, func(_ context.Context, o Order) (Outcome, error) {
		if o.Path == "/bad" {
			return Outcome{}, errors.New("the new csphd did not get ready")
		}
		return Outcome{PID: 7, Version: o.Path}, nil
	})
	if err := errors.Join(c.Listen(), os.Remove(path), c.Listen()); err != nil { // a failed successor may have taken it
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v (%v)", st.Mode(), err)
	}
	if out, err := Upgrade(within(t), path, Order{Path: "/new"}); err != nil || out != (Outcome{7, "/new"}) {
		t.Errorf("got %v, %v", out, err)
	}
	if _, err := Upgrade(within(t), path, Order{Path: "/bad"}); err == nil || err.Error() != "the new csphd did not get ready" {
		t.Errorf("got %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Upgrade(within(t), path, Order{}); err == nil || !strings.Contains(err.Error(), "no csphd answers") {
		t.Errorf("after Close: %v", err)
	}
}

func TestAShutValveLetsConnectionsWait(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := NewValve(ln)
	server := &http.Server{Handler: answering("served")}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(v) }()
	defer server.Close()
	if said, err := ask(ln.Addr().String()); err != nil || said != "served" {
		t.Fatalf("open: %q, %v", said, err)
	}
	if err := v.Shut(); err != nil {
		t.Fatal(err)
	}
	if err := v.Empty(within(t)); err != nil {
		t.Errorf("its connection stays open: %v", err)
	}
	answered := make(chan string, 1)
	go func() {
		said, err := ask(ln.Addr().String())
		answered <- fmt.Sprint(said, err)
	}()
	select {
	case said := <-answered:
		t.Fatalf("shut, it lets a connection in: %s", said)
	case <-time.After(50 * time.Millisecond):
	}
	if err := v.Open(); err != nil {
		t.Fatal(err)
	}
	if said := <-answered; said != "served<nil>" {
		t.Errorf("once open: %s", said)
	}
	if err := errors.Join(v.Shut(), v.Close()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-within(t).Done():
		t.Error("Accept does not see that the valve was closed")
	}
}

func TestAValveKnowsItsOpenConnections(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := NewValve(ln)
	defer v.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := v.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := v.Empty(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with one open: %v", err)
	}
	_, _ = conn.Close(), conn.Close() // twice must not count twice
	if err := v.Empty(within(t)); err != nil {
		t.Error(err)
	}
}
