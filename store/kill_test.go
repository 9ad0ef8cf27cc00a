package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"csph/platform"
)

const (
	writerPath = "CSPH_STORE_TEST_WRITER" // names the records that this binary, run as a writer, writes to
	writers    = 4
	killRounds = 8
)

// TestWhatWasAcknowledgedSurvivesKill kills a process that writes as fast as it can, again and again on
// the same records, and looks for everything it was told is written.
func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	path := place(t)
	seen := acknowledged{deployments: map[string]platform.Status{}, events: map[int64]bool{}}
	for round := range killRounds {
		seen.killAWriter(t, path, 50+37*round)
		db, err := Open(t.Context(), path)
		must(t, err)
		must(t, db.Check(t.Context()))
		seen.verify(t, db)
		must(t, db.Close())
	}
	if len(seen.deployments) < killRounds || len(seen.events) < killRounds {
		t.Fatalf("only %d deployments and %d events were written: nothing is proved", len(seen.deployments), len(seen.events))
	}
	t.Logf("%d deployments and %d events acknowledged in %d rounds", len(seen.deployments), len(seen.events), killRounds)
}

// acknowledged is what the killed processes were told is written.
type acknowledged struct {
	deployments map[string]platform.Status
	events      map[int64]bool
}

// killAWriter runs a writer, kills it after some acknowledgements, and notes all it made known.
func (a acknowledged) killAWriter(t *testing.T, path string, after int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), writerPath+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == after {
			must(t, child.Process.Kill())
		}
		a.note(t, lines.Text())
	}
	if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the writer ended by itself: %v", err)
	}
}

// note reads "deployment ID STATUS" or "event POSITION". The last line may be cut short by the kill.
func (a acknowledged) note(t *testing.T, line string) {
	words := strings.Fields(line)
	if len(words) == 0 || words[len(words)-1] != "." {
		return
	}
	if words[0] == "deployment" {
		a.deployments[words[1]] = platform.Status(words[2])
		return
	}
	seq, err := strconv.ParseInt(words[1], 10, 64)
	must(t, err)
	if a.events[seq] {
		t.Errorf("position %d was given out twice", seq)
	}
	a.events[seq] = true
}

func (a acknowledged) verify(t *testing.T, db *DB) {
	t.Helper()
	for id, want := range a.deployments {
		d, err := db.Deployment(t.Context(), id)
		must(t, err)
		reached := false
		for _, p := range d.History {
			reached = reached || p.Status == want
		}
		if !reached || d.History[len(d.History)-1].Status != d.Status {
			t.Errorf("deployment %s was acknowledged as %s; it is %s with history %v", id, want, d.Status, d.History)
		}
	}
	events, err := db.Events(t.Context(), Filter{}, 0)
	must(t, err)
	stored := map[int64]bool{}
	for _, e := range events {
		stored[e.Seq] = true
	}
	for seq := range a.events {
		if !stored[seq] {
			t.Errorf("event %d was acknowledged; it is gone", seq)
		}
	}
}

// writeUntilKilled writes from several goroutines and says on standard output what was acknowledged.
func writeUntilKilled(path string) {
	ctx := context.Background()
	db, err := Open(ctx, path)
	quit(err)
	_, err = db.Bootstrap(ctx, func(string) error { return nil })
	quit(err)
	accounts, err := db.Accounts(ctx)
	quit(err)
	service, err := db.ResolveService(ctx, accounts[0].ID, "web")
	if err != nil {
		service, err = db.CreateService(ctx, accounts[0].ID, "web", platform.Service{})
		quit(err)
	}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for {
				quit(writeOne(ctx, db, service))
			}
		})
	}
	wg.Wait()
}

// writeOne carries one deployment as far as it goes beside others, with events.
func writeOne(ctx context.Context, db *DB, s platform.Service) error {
	d, err := db.CreateDeployment(ctx, platform.Deployment{Service: s.ID, Config: s.Config})
	if err != nil {
		return err
	}
	for _, move := range []platform.Move{platform.StartBuild, platform.StartRollout, platform.StartCheck, platform.Fail} {
		if d, err = db.Advance(ctx, d.ID, d.Status, move, nil); err != nil {
			return err
		}
		fmt.Printf("deployment %s %s .\n", d.ID, d.Status)
		e, err := db.Publish(ctx, platform.Event{Service: s.ID, Deployment: d.ID, Kind: platform.EventStatus, Status: string(d.Status)})
		if err != nil {
			return err
		}
		fmt.Printf("event %d .\n", e.Seq)
	}
	return nil
}

func quit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
