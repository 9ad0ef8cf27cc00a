package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

func TestAReaderIsNotBlockedByAWriter(t *testing.T) {
	db, s := started(t)
	writing, done := make(chan struct{}), make(chan struct{})
	written := make(chan error, 1)
	go func() {
		_, err := db.UpdateService(t.Context(), s.ID, func(s *platform.Service) error {
			close(writing)
			<-done
			s.Config.Count = 7
			return nil
		})
		written <- err
	}()
	<-writing
	for range 2 * readers {
		before, err := db.Service(t.Context(), s.ID)
		must(t, err)
		if before.Config.Count != 1 {
			t.Errorf("a reader sees a count of %d that is not committed", before.Config.Count)
		}
	}
	close(done)
	must(t, <-written)
	after, err := db.Service(t.Context(), s.ID)
	must(t, err)
	if after.Config.Count != 7 {
		t.Errorf("count is %d after the commit", after.Config.Count)
	}
}

func TestTheWaitForTheTurnEndsWithTheContext(t *testing.T) {
	db, s := started(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := db.UpdateService(t.Context(), s.ID, func(*platform.Service) error {
		_, err := db.Publish(ctx, platform.Event{Kind: "x"}) // from within a write: the turn never comes
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error is %v", err)
	}
	if n, err := db.Position(t.Context()); err != nil || n != 0 {
		t.Errorf("position %d, %v: something was written", n, err)
	}
}

func TestAWriteThatHasItsTurnRunsToItsEnd(t *testing.T) {
	db, s := started(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := db.UpdateService(ctx, s.ID, func(s *platform.Service) error {
		cancel()
		s.Config.Count = 2
		return nil
	})
	must(t, err)
	after, err := db.Service(t.Context(), s.ID)
	must(t, err)
	if after.Config.Count != 2 {
		t.Errorf("count is %d although the write succeeded", after.Config.Count)
	}
}

func TestAPanicInAChangeLeavesTheRecordsUsable(t *testing.T) {
	db, s := started(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = db.UpdateService(t.Context(), s.ID, func(s *platform.Service) error { panic("no") })
	}()
	_, err := db.UpdateService(t.Context(), s.ID, func(s *platform.Service) error { s.Suspended = true; return nil })
	must(t, err)
}

func TestAFullDiskIsSaidAndNothingIsLost(t *testing.T) {
	db, s := started(t)
	limit := func(pages int) {
		t.Helper()
		_, err := db.writer.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages))
		must(t, err)
	}
	limit(1) // the file may not grow
	var kept int
	var err error
	for ; err == nil; kept++ {
		_, err = db.Publish(t.Context(), platform.Event{Kind: "x", Message: strings.Repeat("x", 1000)})
	}
	if !strings.Contains(err.Error(), "is full, nothing was written") {
		t.Fatalf("error is %v", err)
	}
	if _, err := db.Service(t.Context(), s.ID); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	limit(1 << 20)
	_, err = db.Publish(t.Context(), platform.Event{Kind: "x"})
	must(t, err)
	all, err := db.Events(t.Context(), Filter{}, 0)
	must(t, err)
	if len(all) != kept {
		t.Errorf("%d events are stored; %d were acknowledged", len(all), kept)
	}
	must(t, db.Check(t.Context()))
}

// TestALogThatIsCutAnywhereLosesOnlyItsEnd does to the log what a power cut can do to what was not synced yet.
func TestALogThatIsCutAnywhereLosesOnlyItsEnd(t *testing.T) {
	db := opened(t, place(t))
	const events = 40
	for i := range events {
		_, err := db.Publish(t.Context(), platform.Event{Kind: "x", Message: fmt.Sprint(i)})
		must(t, err)
	}
	file, err := os.ReadFile(db.path)
	must(t, err)
	log, err := os.ReadFile(db.path + "-wal")
	must(t, err)
	last := 0
	for cut := len(log) / 2; cut <= len(log); cut += 1 + len(log)/2/50 {
		last = max(last, eventsAfterCut(t, file, log[:cut]))
	}
	if whole := eventsAfterCut(t, file, log); whole != events || last == 0 {
		t.Errorf("the whole log holds %d events, the best cut %d; want %d and some", whole, last, events)
	}
}

// eventsAfterCut opens a copy whose log is cut, and returns how many events it holds, which must be the first ones.
func eventsAfterCut(t *testing.T, file, log []byte) int {
	t.Helper()
	path := place(t)
	must(t, os.WriteFile(path, file, 0o600))
	must(t, os.WriteFile(path+"-wal", log, 0o600))
	db, err := Open(t.Context(), path)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	must(t, db.Check(t.Context()))
	all, err := db.Events(t.Context(), Filter{}, 0)
	must(t, err)
	for i, e := range all {
		if e.Message != fmt.Sprint(i) {
			t.Fatalf("with %d bytes of log event %d is %q", len(log), i, e.Message)
		}
	}
	return len(all)
}
