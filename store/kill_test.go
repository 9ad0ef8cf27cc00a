package store

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"csph/platform"
	"csph/test/doomed"
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
	seen := acknowledged{deployments: map[string]platform.Status{}, events: map[int64]bool{}, tokens: map[string]bool{}, secrets: map[int64]bool{}, answers: map[string]bool{}}
	for round := range killRounds {
		seen.killAWriter(t, path, 50+37*round)
		db, err := Open(t.Context(), path)
		must(t, err)
		db.SealWith(letters(1))
		must(t, db.Check(t.Context()))
		seen.verify(t, db)
		seen.verifyAccess(t, db)
		must(t, db.Close())
	}
	for kind, n := range map[string]int{
		"deployments": len(seen.deployments), "events": len(seen.events), "tokens": len(seen.tokens), "secrets": len(seen.secrets), "answers": len(seen.answers),
	} {
		if n < killRounds {
			t.Fatalf("only %d %s were written: nothing is proved", n, kind)
		}
	}
	t.Logf("%d deployments and %d events acknowledged in %d rounds", len(seen.deployments), len(seen.events), killRounds)
}

// acknowledged is what the killed processes were told is written.
type acknowledged struct {
	deployments map[string]platform.Status
	events      map[int64]bool
	tokens      map[string]bool // secrets of
	secrets     map[int64]bool  // versions of
	answers     map[string]bool // keys of
}

// killAWriter runs a writer, kills it after some acknowledgements, and notes all it made known.
func (a acknowledged) killAWriter(t *testing.T, path string, after int) {
	t.Helper()
	child := doomed.Start(t, writerPath, path)
	line, more := child.Hear()
	for n := 0; more; n++ {
		if n == after {
			child.Kill()
		}
		a.note(t, line)
		line, more = child.Hear()
	}
	child.End()
}

// note reads "deployment ID STATUS", "token SECRET", "answer KEY", "secret VERSION" or "event POSITION". The last line may be cut short by the kill.
func (a acknowledged) note(t *testing.T, line string) {
	words := strings.Fields(line)
	if len(words) == 0 || words[len(words)-1] != "." {
		return
	}
	switch words[0] {
	case "deployment":
		a.deployments[words[1]] = platform.Status(words[2])
		return
	case "token":
		a.tokens[words[1]] = true
		return
	case "answer":
		a.answers[words[1]] = true
		return
	}
	seq, err := strconv.ParseInt(words[1], 10, 64)
	must(t, err)
	if words[0] == "secret" {
		if a.secrets[seq] {
			t.Errorf("version %d of the secret was given out twice", seq)
		}
		a.secrets[seq] = true
		return
	}
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

// verifyAccess looks for tokens, secrets and answers.
func (a acknowledged) verifyAccess(t *testing.T, db *DB) {
	t.Helper()
	for secret := range a.tokens {
		if _, err := db.Authenticate(t.Context(), secret); err != nil {
			t.Errorf("a token was acknowledged: %v", err)
		}
	}
	services, err := db.Services(t.Context(), "")
	must(t, err)
	for version := range a.secrets {
		values, err := db.SecretValues(t.Context(), services[0].ID, map[string]int64{"KEY": version})
		if err != nil || values["KEY"] != "value" {
			t.Errorf("version %d of the secret was acknowledged; it is %v, %v", version, values, err)
		}
	}
	for key := range a.answers {
		before, claimed, err := db.Claim(t.Context(), "tok_1", key, "f")
		if err != nil || claimed || before.Status != 201 || string(before.Body) != key {
			t.Errorf("the answer to %s was acknowledged; it is %+v (claimed %v), %v", key, before, claimed, err)
		}
	}
}

// writeUntilKilled writes from several goroutines and says on standard output what was acknowledged.
func writeUntilKilled(path string) {
	ctx := context.Background()
	db, err := Open(ctx, path)
	quit(err)
	db.SealWith(letters(1))
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
	return writeAccess(ctx, db, s, d.ID)
}

// writeAccess makes a token, a version of a secret and an answer.
func writeAccess(ctx context.Context, db *DB, s platform.Service, key string) error {
	members, err := db.Members(ctx, s.Account)
	if err != nil {
		return err
	}
	_, token, err := db.CreateToken(ctx, members[0].ID, platform.Token{Name: key})
	if err != nil {
		return err
	}
	fmt.Printf("token %s .\n", token)
	version, err := db.KeepSecret(ctx, s.ID, "KEY", "value", "admin")
	if err != nil {
		return err
	}
	fmt.Printf("secret %d .\n", version)
	if _, _, err := db.Claim(ctx, "tok_1", key, "f"); err != nil {
		return err
	}
	if err := db.Answered(ctx, "tok_1", key, 201, []byte(key)); err != nil {
		return err
	}
	fmt.Printf("answer %s .\n", key)
	return nil
}

func quit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
