package tarball

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"csph/platform"
)

func sumOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// naming is an entry that names its content.
func naming(name, sum string) entry {
	e := file(name, "")
	e.PAXRecords = map[string]string{ContentRecord: sum}
	return e
}

func lacks(t *testing.T, s *Store, sums ...string) []Lack {
	t.Helper()
	lacking, err := s.Missing(service, sums)
	if err != nil {
		t.Fatal(err)
	}
	return lacking
}

func keep(t *testing.T, s *Store, all ...string) {
	t.Helper()
	var entries []entry
	for _, content := range all {
		entries = append(entries, file(sumOf(content), content))
	}
	if n, _, err := s.Keep(t.Context(), service, bytes.NewReader(gzipped(t, archive(t, entries...)))); err != nil || n != len(all) {
		t.Fatalf("%d of %d are kept: %v", n, len(all), err)
	}
}

func TestFilesAreMadeOfContentsThatWereSentBefore(t *testing.T) {
	s := NewStore(t.TempDir(), Limits{})
	one, two := "the first content", "the second one"
	if got := lacks(t, s, sumOf(one), sumOf(two)); len(got) != 2 {
		t.Fatalf("lacking %v", got)
	}
	keep(t, s, one, two)
	if got := lacks(t, s, sumOf(one), sumOf(two)); len(got) != 0 {
		t.Fatalf("lacking %v", got)
	}
	_, dir := receive(t, s, archive(t, naming("a", sumOf(one)), naming("sub/b", sumOf(one)), naming("c", sumOf(two)), file("d", "carried")))
	for name, want := range map[string]string{"a": one, "sub/b": one, "c": two, "d": "carried"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q: %v", name, got, err)
		}
	}
}

func TestContentsAreOneServicesAlone(t *testing.T) {
	s := NewStore(t.TempDir(), Limits{})
	keep(t, s, "a secret of another service")
	sum := sumOf("a secret of another service")
	lacking, err := s.Missing("svc_other", []string{sum})
	if err != nil || len(lacking) != 1 {
		t.Errorf("another service is told %v, %v", lacking, err)
	}
	_, err = s.Receive(t.Context(), "svc_other", bytes.NewReader(archive(t, naming("a", sum))))
	if !errors.Is(err, ErrMissing) {
		t.Errorf("another service's archive may name it: %v", err)
	}
}

func TestAPackThatBreaksOffKeepsWhatHasArrived(t *testing.T) {
	s := NewStore(t.TempDir(), Limits{})
	whole := archive(t, file(sumOf("first"), "first"), file(sumOf("second"), "second"))
	broken := errors.New("the connection broke")
	n, _, err := s.Keep(t.Context(), service, io.MultiReader(bytes.NewReader(whole[:1024+512+2]), iotest.ErrReader(broken)))
	if n != 1 || !errors.Is(err, broken) {
		t.Errorf("%d were kept, %v", n, err)
	}
	if got := lacks(t, s, sumOf("first"), sumOf("second")); len(got) != 1 || got[0].Sum != sumOf("second") {
		t.Errorf("lacking %v", got)
	}
}

func TestALargeContentGoesOnWhereItBrokeOff(t *testing.T) {
	s := NewStore(t.TempDir(), Limits{})
	content := strings.Repeat("0123456789abcdef", 1<<14)
	sum, size := sumOf(content), int64(len(content))
	broken := errors.New("the connection broke")
	received, err := s.Append(t.Context(), service, sum, 0, size, io.MultiReader(strings.NewReader(content[:100_000]), iotest.ErrReader(broken)))
	if received != 100_000 || !errors.Is(err, broken) {
		t.Fatalf("%d received, %v", received, err)
	}
	if got := lacks(t, s, sum); len(got) != 1 || got[0].Received != 100_000 {
		t.Fatalf("lacking %v", got)
	}
	if _, err := s.Append(t.Context(), service, sum, 50, size, strings.NewReader(content[50:])); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("at another offset: %v", err)
	}
	received, err = s.Append(t.Context(), service, sum, 100_000, size, strings.NewReader(content[100_000:]))
	if received != size || err != nil {
		t.Fatalf("%d received, %v", received, err)
	}
	_, dir := receive(t, s, archive(t, naming("large", sum)))
	if got, err := os.ReadFile(filepath.Join(dir, "large")); err != nil || string(got) != content {
		t.Errorf("it holds %d bytes: %v", len(got), err)
	}
}

func TestContentsThatAreNotWhatTheyAreCalledAreRefused(t *testing.T) {
	s := NewStore(t.TempDir(), Limits{Unpacked: 100})
	wrong := sumOf("right")
	for name, try := range map[string]func() error{
		"in a pack": func() error {
			_, _, err := s.Keep(t.Context(), service, bytes.NewReader(archive(t, file(wrong, "wrong"))))
			return err
		},
		"by itself": func() error {
			_, err := s.Append(t.Context(), service, wrong, 0, 5, strings.NewReader("wrong"))
			return err
		},
		"longer than was said": func() error {
			_, err := s.Append(t.Context(), service, wrong, 0, 4, strings.NewReader("right"))
			return err
		},
		"a link in a pack": func() error {
			_, _, err := s.Keep(t.Context(), service, bytes.NewReader(archive(t, link(wrong, "/etc/passwd"))))
			return err
		},
	} {
		if err := try(); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "../../etc/passwd", strings.ToUpper(wrong), wrong[1:], wrong + "/.."} {
		if _, err := s.Missing(service, []string{name}); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%q is asked for: %v", name, err)
		}
		if _, err := s.Append(t.Context(), service, name, 0, 1, strings.NewReader("x")); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%q is sent: %v", name, err)
		}
		if _, _, err := s.Keep(t.Context(), service, bytes.NewReader(archive(t, file(name+"x", "x")))); err == nil {
			t.Errorf("%q is packed", name)
		}
	}
	if _, err := s.Append(t.Context(), service, wrong, 0, 101, strings.NewReader("right")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	if got := lacks(t, s, wrong); len(got) != 1 || got[0].Received != 0 {
		t.Errorf("left behind %v", got)
	}
}

func TestADamagedContentIsAskedForAgain(t *testing.T) {
	s := NewStore(t.TempDir(), Limits{})
	keep(t, s, "content")
	if err := os.WriteFile(s.contents(service).path(sumOf("content")), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.Receive(t.Context(), service, bytes.NewReader(archive(t, naming("a", sumOf("content")))))
	if !errors.Is(err, ErrMissing) {
		t.Errorf("got %v", err)
	}
	if got := lacks(t, s, sumOf("content")); len(got) != 1 {
		t.Errorf("lacking %v", got)
	}
}

func TestContentsMakeRoomByTheTimeOfTheirLastUse(t *testing.T) {
	s := NewStore(t.TempDir(), Limits{Contents: 30})
	aged := func(content string, by time.Duration) {
		t.Helper()
		keep(t, s, content)
		at := time.Now().Add(-by)
		if err := os.Chtimes(s.contents(service).path(sumOf(content)), at, at); err != nil {
			t.Fatal(err)
		}
	}
	aged("used long ag", 3*time.Hour)
	aged("used lately ", 2*time.Hour)
	keep(t, s, "in use now  ")
	for content, kept := range map[string]bool{"used long ag": false, "used lately ": true, "in use now  ": true} {
		if _, err := os.Stat(s.contents(service).path(sumOf(content))); (err == nil) != kept {
			t.Errorf("%q: %v", content, err)
		}
	}
	_, _, err := s.Keep(t.Context(), service, bytes.NewReader(archive(t, file(sumOf(strings.Repeat("x", 25)), strings.Repeat("x", 25)))))
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("what is in use makes room: %v", err)
	}
	aged("used long ag", unusedFor+time.Hour)
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if got := lacks(t, s, sumOf("used long ag")); len(got) != 1 {
		t.Error("what nobody has used for weeks is still here")
	}
}

func FuzzPacks(f *testing.F) {
	f.Add(archive(f, file(sumOf("x"), "x")))
	f.Add(gzipped(f, archive(f, file(sumOf("x"), "x"), link("a", "b"))))
	f.Fuzz(func(t *testing.T, content []byte) {
		s := NewStore(t.TempDir(), Limits{Packed: 1 << 20, Unpacked: 1 << 20, Contents: 1 << 20})
		if _, _, err := s.Keep(t.Context(), service, bytes.NewReader(content)); err == nil {
			return
		}
		left, err := filepath.Glob(filepath.Join(s.dir, service, contentsName, "*", "*"+partSuffix))
		if err != nil || len(left) != 0 {
			t.Errorf("left behind %v, %v", left, err)
		}
	})
}
