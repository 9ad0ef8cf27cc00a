package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

func TestNoSecretIsStored(t *testing.T) {
	db, s := started(t)
	_, secret, err := db.CreateToken(t.Context(), adminOf(t, db, s.Account), platform.Token{Name: "ci"})
	must(t, err)
	hashes, err := list(t.Context(), db.reader, scanText, "SELECT id || name || hash FROM tokens")
	must(t, err)
	for _, row := range hashes {
		if strings.Contains(row, strings.TrimPrefix(secret, TokenPrefix)) {
			t.Errorf("the row %s holds the secret", row)
		}
	}
}

func TestTheLastUseOfATokenIsRecordedBesideTheRequests(t *testing.T) {
	path := place(t)
	db, err := Open(t.Context(), path)
	must(t, err)
	s := firstService(t, db)
	made, secret, err := db.CreateToken(t.Context(), adminOf(t, db, s.Account), platform.Token{Name: "ci"})
	must(t, err)
	before := now()
	db.turn <- struct{}{} // somebody writes: a request does not wait for that
	_, err = db.Authenticate(t.Context(), secret)
	must(t, err)
	<-db.turn
	must(t, db.Close()) // records what is left

	first := lastUse(t, path, made)
	if first.Before(before) || first.After(now()) {
		t.Fatalf("last used %v; want a time after %v", first, before)
	}
	db, err = Open(t.Context(), path)
	must(t, err)
	for range 100 {
		_, err = db.Authenticate(t.Context(), secret)
		must(t, err)
	}
	must(t, db.Close())
	if again := lastUse(t, path, made); !again.Equal(first) {
		t.Errorf("last use was written again after %v", again.Sub(first))
	}
}

// adminOf is the id of an account's first member.
func adminOf(t testing.TB, db *DB, account string) string {
	t.Helper()
	all, err := db.Members(t.Context(), account)
	must(t, err)
	return all[0].ID
}

func lastUse(t *testing.T, path string, want platform.Token) time.Time {
	t.Helper()
	db, err := Open(t.Context(), path)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	all, err := db.ListTokens(t.Context(), want.Account)
	must(t, err)
	for _, token := range all {
		if token.ID == want.ID {
			return token.LastUsed
		}
	}
	t.Fatalf("token %s is gone", want.ID)
	return time.Time{}
}

func FuzzParseKey(f *testing.F) {
	f.Add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop")
	f.Add(`no-pty,command="x" ssh-rsa AAAA`)
	f.Add("-----BEGIN OPENSSH PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, line string) {
		k, err := parseKey(line)
		if err != nil {
			if !errors.Is(err, platform.ErrInvalid) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		again, err := parseKey(k.Public)
		if err != nil || again.Fingerprint != k.Fingerprint || again.Public != k.Public {
			t.Fatalf("%q is read as %+v, and that as %+v: %v", line, k, again, err)
		}
	})
}

func FuzzParseRef(f *testing.F) {
	for _, text := range []string{"web", "staging/web", "shop/staging/web", "a/b/c/d", "", "/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := ParseRef(text)
		if err != nil {
			if !errors.Is(err, platform.ErrInvalid) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		if again, err := ParseRef(ref.String()); err != nil || again != ref {
			t.Fatalf("%q is read as %+v, and that as %+v: %v", text, ref, again, err)
		}
	})
}
