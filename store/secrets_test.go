package store

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"csph/platform"
)

// letters is a Sealer that is not secure: it adds its number to every byte.
type letters byte

func (l letters) Seal(plain []byte) ([]byte, error) {
	sealed := []byte{byte(l)}
	for _, b := range plain {
		sealed = append(sealed, b+byte(l))
	}
	return sealed, nil
}

func (l letters) Unseal(sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, errors.New("nothing sealed")
	}
	var plain []byte
	for _, b := range sealed[1:] {
		plain = append(plain, b-sealed[0])
	}
	return plain, nil
}

func TestEveryVersionOfASecretCanBeReadAndNoneIsInTheFile(t *testing.T) {
	db, s := started(t)
	db.SealWith(letters(1))
	for i, value := range []string{"first-hunter2", "second-hunter2"} {
		version, err := db.KeepSecret(t.Context(), s.ID, "PASSWORD", value, "admin")
		must(t, err)
		if version != int64(i+1) {
			t.Errorf("version %d of the secret is numbered %d", i+1, version)
		}
	}
	for version, want := range map[int64]string{1: "first-hunter2", 2: "second-hunter2"} {
		values, err := db.SecretValues(t.Context(), s.ID, map[string]int64{"PASSWORD": version})
		must(t, err)
		if values["PASSWORD"] != want {
			t.Errorf("version %d is %q", version, values["PASSWORD"])
		}
	}
	_, err := db.SecretValues(t.Context(), s.ID, map[string]int64{"PASSWORD": 3})
	wants(t, err, platform.ErrNotFound)
	shown, err := db.Secrets(t.Context(), s.ID, map[string]int64{"PASSWORD": 2})
	must(t, err)
	if len(shown) != 1 || shown[0].By != "admin" || shown[0].Version != 2 {
		t.Errorf("the secret is shown as %+v", shown)
	}
	notInFile(t, db, "hunter2")
}

// notInFile fails when text is in the database or its log.
func notInFile(t *testing.T, db *DB, text string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(db.path + suffix)
		must(t, err)
		if bytes.Contains(content, []byte(text)) {
			t.Errorf("%s holds %q", db.path+suffix, text)
		}
	}
}

func TestWithoutAKeyNothingSecretIsKept(t *testing.T) {
	db, s := started(t)
	_, err := db.KeepSecret(t.Context(), s.ID, "A", "b", "admin")
	wants(t, err, errNoSealer)
}

func TestResealingMovesEverythingToTheNewKey(t *testing.T) {
	db, s := started(t)
	db.SealWith(letters(1))
	_, err := db.KeepSecret(t.Context(), s.ID, "A", "secret-a", "admin")
	must(t, err)
	_, err = db.SetRegistry(t.Context(), s.ID, platform.Registry{Host: "R.example.com", Username: "me"}, "secret-b")
	must(t, err)
	_, claimed, err := db.Claim(t.Context(), "tok_1", "k", "f")
	must(t, err)
	if !claimed {
		t.Fatal("a free key is taken")
	}
	must(t, db.Answered(t.Context(), "tok_1", "k", 201, []byte("secret-c")))
	db.SealWith(letters(2))
	n, err := db.Reseal(t.Context())
	must(t, err)
	old, err := list(t.Context(), db.reader, scanText, "SELECT HEX(sealed) FROM secrets UNION ALL SELECT HEX(sealed) FROM registries UNION ALL SELECT HEX(sealed) FROM answers")
	must(t, err)
	if n != 3 || len(old) != 3 {
		t.Fatalf("%d of %d values were sealed anew; want 3 of 3", n, len(old))
	}
	for _, sealed := range old {
		if sealed[:2] != "02" {
			t.Errorf("%s is sealed with the old key", sealed)
		}
	}
	masked, err := db.Masked(t.Context(), s.ID)
	must(t, err)
	if len(masked) != 2 {
		t.Errorf("%d values are masked; want the secret and the password", len(masked))
	}
	user, password, err := db.RegistryLogin(t.Context(), s.ID, "r.example.com")
	must(t, err)
	if user != "me" || password != "secret-b" {
		t.Errorf("the registry's login is %q %q", user, password)
	}
}

func TestAnAnswerIsGivenAgainAndAKeyThatFailedIsFree(t *testing.T) {
	path := place(t)
	db, err := Open(t.Context(), path)
	must(t, err)
	db.SealWith(letters(3))
	_, claimed, err := db.Claim(t.Context(), "tok_1", "k", "f")
	must(t, err)
	_, again, err := db.Claim(t.Context(), "tok_1", "k", "f")
	must(t, err)
	if !claimed || again {
		t.Fatalf("claimed %v, and once more %v", claimed, again)
	}
	must(t, db.Answered(t.Context(), "tok_1", "k", 201, []byte("made")))
	must(t, db.Close())

	db = opened(t, path)
	db.SealWith(letters(3))
	before, claimed, err := db.Claim(t.Context(), "tok_1", "k", "f")
	must(t, err)
	if claimed || before.Status != 201 || string(before.Body) != "made" {
		t.Errorf("after a restart the answer is %+v (claimed %v)", before, claimed)
	}
	_, claimed, err = db.Claim(t.Context(), "tok_2", "k", "f")
	must(t, err)
	if !claimed {
		t.Error("another token's key is taken")
	}
	must(t, db.Unclaim(t.Context(), "tok_2", "k"))
	_, claimed, err = db.Claim(t.Context(), "tok_2", "k", "f")
	must(t, err)
	if !claimed {
		t.Error("a key that was given free is taken")
	}
}

func TestTheAuditLogIsReadInPagesAndTrimmedByAge(t *testing.T) {
	db, s := started(t)
	old := platform.AuditEntry{Account: s.Account, Action: "old", Time: time.Unix(1, 0)}
	must(t, db.Audit(t.Context(), old, platform.AuditEntry{Account: s.Account, Action: "a"}, platform.AuditEntry{Action: "unknown"}, platform.AuditEntry{Account: s.Account, Action: "b"}))
	page, err := db.AuditPage(t.Context(), AuditPage{Accounts: []string{s.Account}, Limit: 1})
	must(t, err)
	if len(page) != 1 || page[0].Action != "b" {
		t.Fatalf("the first page is %+v", page)
	}
	page, err = db.AuditPage(t.Context(), AuditPage{Accounts: []string{s.Account}, Before: page[0].Seq})
	must(t, err)
	if len(page) != 2 || page[0].Action != "a" {
		t.Errorf("the second page is %+v", page)
	}
	n, err := db.TrimAudit(t.Context(), time.Hour)
	must(t, err)
	if n != 1 {
		t.Errorf("%d entries were dropped", n)
	}
}
