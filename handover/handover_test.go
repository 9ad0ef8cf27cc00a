package handover

import (
	"context"
	"errors"
	"net"
	"net/rpc/jsonrpc"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

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
