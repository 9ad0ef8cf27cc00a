package vault

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func opened(t testing.TB, path string) *Vault {
	t.Helper()
	v, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sealed(t testing.TB, v *Vault, text string) []byte {
	t.Helper()
	s, err := v.Seal([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func unsealed(t testing.TB, v *Vault, s []byte) string {
	t.Helper()
	plain, err := v.Unseal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestWhatIsSealedIsReadBackAfterARestartAndByNobodyElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.key")
	v := opened(t, path)
	a, b := sealed(t, v, "hunter2"), sealed(t, v, "hunter2")
	if bytes.Equal(a, b) || bytes.Contains(a, []byte("hunter2")) {
		t.Error("equal texts are sealed alike, or not at all")
	}
	if got := unsealed(t, opened(t, path), a); got != "hunter2" {
		t.Errorf("it is read back as %q", got)
	}
	if _, err := opened(t, filepath.Join(t.TempDir(), "other.key")).Unseal(a); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("another key says %v", err)
	}
	a[len(a)-1] ^= 1
	if _, err := v.Unseal(a); err == nil {
		t.Error("what was changed is read back")
	}
}

func TestARetiredKeyReadsNothingAnyMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.key")
	v := opened(t, path)
	old := sealed(t, v, "old")
	if err := v.Add(); err != nil {
		t.Fatal(err)
	}
	if got := unsealed(t, opened(t, path), old); got != "old" {
		t.Errorf("while there are two keys the old one reads %q", got)
	}
	young := sealed(t, v, "new")
	if err := v.Retire(); err != nil {
		t.Fatal(err)
	}
	again := opened(t, path)
	if got := unsealed(t, again, young); got != "new" {
		t.Errorf("the new key reads %q", got)
	}
	if _, err := again.Unseal(old); err == nil {
		t.Error("a retired key still reads")
	}
}

func TestTheKeyFileIsItsOwnersAloneAndHoldsKeysOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.key")
	opened(t, path)
	at, err := os.Stat(path)
	if err != nil || at.Mode().Perm() != 0o600 {
		t.Fatalf("the mode is %v (%v)", at.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read says %v", err)
	}
	for _, text := range []string{"", "# nothing\n", "AGE-SECRET-KEY-1QQQQ\n", "hunter2\n"} {
		bad := filepath.Join(t.TempDir(), "bad.key")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a file with %q says %v", text, err)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	v := opened(f, filepath.Join(f.TempDir(), "secrets.key"))
	f.Add(sealed(f, v, "a"))
	f.Add([]byte("age-encryption.org/v1\n"))
	f.Fuzz(func(t *testing.T, s []byte) {
		if plain, err := v.Unseal(s); err == nil && string(plain) != "a" {
			t.Errorf("%q is read as %q, which was never sealed", s, plain)
		}
	})
}
