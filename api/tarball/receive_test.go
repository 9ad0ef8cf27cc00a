package tarball

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

// entry is one entry of a test's archive.
type entry struct {
	tar.Header
	content string
}

func file(name, content string) entry {
	return entry{tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}, content}
}

func link(name, target string) entry {
	return entry{tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink, Mode: 0o777}, ""}
}

func hard(name, target string) entry {
	return entry{tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeLink}, ""}
}

func of(kind byte, name string) entry {
	return entry{tar.Header{Name: name, Typeflag: kind, Mode: 0o4777, Devmajor: 1, Devminor: 3}, ""}
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const service = "svc_test"

func receive(t testing.TB, s *Store, content []byte) (*Source, string) {
	t.Helper()
	src, err := s.Receive(t.Context(), service, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := src.Checkout(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return src, dir
}

// uploads lists the folders of uploads under dir.
func uploads(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*", folderPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnArchiveIsUnpackedAsItIs(t *testing.T) {
	dir := t.TempDir()
	s := NewStore(dir, Limits{})
	script := file("./bin/run", "#!/bin/sh\n")
	script.Mode = 0o4755
	plain := archive(t,
		of(tar.TypeDir, "./"), entry{tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "c0ffee"}}, ""},
		of(tar.TypeDir, "bin/"), script, file("a file with spaces ü", "x"), file("deep/er/still", "y"),
		link("current", "bin/run"), link("dangling", "nowhere"), link("deep/up", "../bin"), hard("copy", "bin/run"),
		file(".git/config", "secret"), file("sub/.git/HEAD", "secret"),
	)
	for name, content := range map[string][]byte{"plain": plain, "gzipped": gzipped(t, plain)} {
		t.Run(name, func(t *testing.T) {
			src, at := receive(t, s, content)
			for path, want := range map[string]string{
				"bin/run": "#!/bin/sh\n", "a file with spaces ü": "x", "deep/er/still": "y", "current": "#!/bin/sh\n", "deep/up/run": "#!/bin/sh\n", "copy": "#!/bin/sh\n",
			} {
				if got, err := os.ReadFile(filepath.Join(at, path)); err != nil || string(got) != want {
					t.Errorf("%s: %q, %v", path, got, err)
				}
			}
			if info, err := os.Stat(filepath.Join(at, "bin/run")); err != nil || info.Mode() != 0o755 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			for _, path := range []string{".git", "sub/.git"} {
				if _, err := os.Lstat(filepath.Join(at, path)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %v", path, err)
				}
			}
			if err := errors.Join(src.Close(), src.Close()); err != nil {
				t.Error(err)
			}
			if left := uploads(t, dir); len(left) != 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

func TestHostileArchivesAreRefusedAndLeaveNothing(t *testing.T) {
	deep := strings.Repeat("d/", 3000) + "f"
	for name, entries := range map[string][]entry{
		"parent":                      {file("../evil", "x")},
		"parent within":               {file("a/../../evil", "x")},
		"parent that stays inside":    {file("a/b/../evil", "x")},
		"only a parent":               {of(tar.TypeDir, "..")},
		"absolute":                    {file("/etc/evil", "x")},
		"link to an absolute path":    {link("l", "/etc/passwd")},
		"link out":                    {link("l", "../../etc/passwd")},
		"link out of a folder":        {link("a/l", "../../x")},
		"link out by way of a link":   {of(tar.TypeDir, "x/y"), link("x/y/s", "../.."), link("t", "x/y/s/../secret")},
		"link to itself":              {link("l", "l")},
		"empty link":                  {link("l", "")},
		"entry behind a link":         {link("l", "."), file("l/evil", "x")},
		"entry behind links":          {link("a", "."), link("a/a/l", "../../secret")},
		"folder in place of a link":   {link("l", "."), of(tar.TypeDir, "l")},
		"file over a link":            {link("l", "target"), file("l", "x")},
		"file over a file":            {file("f", "x"), file("./f", "y")},
		"file over a folder":          {of(tar.TypeDir, "d"), file("d", "x")},
		"folder over a file":          {file("f", "x"), file("f/g", "y")},
		"hard link out":               {hard("h", "/etc/passwd")},
		"hard link to a parent":       {hard("h", "../../etc/passwd")},
		"hard link to a link":         {link("l", "dangling"), hard("h", "l")},
		"hard link to nothing":        {hard("h", "f")},
		"character device":            {of(tar.TypeChar, "null")},
		"block device":                {of(tar.TypeBlock, "sda")},
		"fifo":                        {of(tar.TypeFifo, "pipe")},
		"newline in a name":           {file("a\nb", "x")},
		"escape in a name":            {file("a\x1b[2Jb", "x")},
		"newline in a link":           {link("l", "a\nb")},
		"name that is too long":       {file(strings.Repeat("n", 256), "x")},
		"path that is too long":       {file(deep, "x")},
		"nothing at all":              {},
		"hostile after a good file":   {file("good", "x"), file("../evil", "x")},
		"hostile in a passed folder":  {file(".git/../../evil", "x")},
		"hard link into a passed one": {file(".git/config", "x"), hard("h", ".git/config")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := NewStore(filepath.Join(dir, "sources"), Limits{})
			_, err := s.Receive(t.Context(), service, bytes.NewReader(archive(t, entries...)))
			if !errors.Is(err, ErrRefused) {
				t.Errorf("got %v", err)
			}
			if left := uploads(t, filepath.Join(dir, "sources")); len(left) != 0 {
				t.Errorf("left %v", left)
			}
			outside, err := os.ReadDir(dir)
			if err != nil || len(outside) != 1 {
				t.Errorf("beside the folder for sources: %v, %v", outside, err)
			}
		})
	}
}

func TestBrokenArchivesAreRefused(t *testing.T) {
	good := archive(t, file("f", strings.Repeat("x", 2000)))
	for name, content := range map[string][]byte{
		"text":                   []byte(strings.Repeat("hello ", 200)),
		"cut in a header":        good[:300],
		"cut in a file":          good[:1000],
		"gzip cut short":         gzipped(t, good)[:40],
		"gzip header cut short":  {0x1f, 0x8b, 8},
		"gzip with a wrong sum":  flipped(gzipped(t, good), -5),
		"something behind it":    gzipped(t, append(archive(t, file("f", "x")), make([]byte, 2<<20)...)),
		"gzip with a wrong body": flipped(gzipped(t, good), 20),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := NewStore(dir, Limits{}).Receive(t.Context(), service, bytes.NewReader(content))
			if !errors.Is(err, ErrRefused) {
				t.Errorf("got %v", err)
			}
			if left := uploads(t, dir); len(left) != 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

func flipped(b []byte, at int) []byte {
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 0xff
	return b
}

func TestLimitsHoldWhileAnArchiveArrives(t *testing.T) {
	limits := Limits{Packed: 64 << 10, Unpacked: 1 << 20, Entries: 3}
	for name, content := range map[string][]byte{
		"packed":             archive(t, file("f", strings.Repeat("x", 100<<10))),
		"unpacked, one file": gzipped(t, archive(t, file("f", strings.Repeat("x", 2<<20)))),
		"unpacked, together": gzipped(t, archive(t, file("f", strings.Repeat("x", 700<<10)), file("g", strings.Repeat("x", 700<<10)))),
		"entries":            archive(t, file("a", ""), file("b", ""), file("c", ""), file("d", "")),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			endless := io.MultiReader(bytes.NewReader(content), strings.NewReader(strings.Repeat("\x00", 1<<20)))
			_, err := NewStore(dir, limits).Receive(t.Context(), service, endless)
			if !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v", err)
			}
			if left := uploads(t, dir); len(left) != 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

func TestAConnectionThatBreaksIsNotTakenForABadArchive(t *testing.T) {
	broken := errors.New("connection reset")
	good := archive(t, file("f", strings.Repeat("x", 2000)))
	for _, at := range []int{0, 100, 700} {
		r := io.MultiReader(bytes.NewReader(good[:at]), failing{broken})
		_, err := NewStore(t.TempDir(), Limits{}).Receive(t.Context(), service, r)
		if !errors.Is(err, broken) || errors.Is(err, ErrRefused) {
			t.Errorf("broken at %d: %v", at, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestAFileKeepsItsTimeUntilItsContentChanges(t *testing.T) {
	s := NewStore(t.TempDir(), Limits{})
	times := func(content []byte) (map[string]time.Time, string) {
		src, dir := receive(t, s, content)
		at := map[string]time.Time{}
		for _, name := range []string{"same", "changed"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			at[name] = info.ModTime()
		}
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
		return at, src.Describe().Revision
	}
	one, first := times(archive(t, file("same", "x"), file("changed", "1")))
	two, second := times(archive(t, file("changed", "2"), file("same", "x")))
	again, third := times(archive(t, file("same", "x"), file("changed", "2")))
	if !one["same"].Equal(two["same"]) {
		t.Errorf("an unchanged file went from %v to %v", one["same"], two["same"])
	}
	if !two["changed"].After(one["changed"]) {
		t.Errorf("a changed file went from %v to %v", one["changed"], two["changed"])
	}
	if !again["changed"].Equal(two["changed"]) || second != third || first == second {
		t.Errorf("times %v and %v, revisions %s %s %s", two, again, first, second, third)
	}
}

func TestADamagedIndexOnlyCostsTimes(t *testing.T) {
	dir := t.TempDir()
	s := NewStore(dir, Limits{})
	src, _ := receive(t, s, archive(t, file("f", "x")))
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, service, indexName)
	if err := os.WriteFile(path, []byte("1 f 00 \"f\"\nx\n\x00\x01\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	receive(t, s, archive(t, file("f", "x")))
}

func TestSweepRemovesWhatAnEarlierProcessLeft(t *testing.T) {
	dir := t.TempDir()
	s := NewStore(dir, Limits{})
	receive(t, s, archive(t, file("f", "x")))
	if err := NewStore(dir, Limits{}).Sweep(); err != nil {
		t.Fatal(err)
	}
	if left := uploads(t, dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestServiceIDsCannotLeadElsewhere(t *testing.T) {
	for _, id := range []string{"", ".", "..", "../x", "a/b"} {
		_, err := NewStore(t.TempDir(), Limits{}).Receive(t.Context(), id, strings.NewReader(""))
		if !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// FuzzReceive unpacks what the fuzzer makes of archives into a folder with a guard beside it.
func FuzzReceive(f *testing.F) {
	f.Add(archive(f, file("a/b", "x"), link("a/l", "../c"), hard("h", "a/b"), of(tar.TypeDir, "d")))
	f.Add(gzipped(f, archive(f, file("../evil", "x"))))
	f.Add(archive(f, link("a", "."), link("a/a/l", "../../secret")))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		s := NewStore(filepath.Join(dir, "sources"), Limits{Packed: 1 << 20, Unpacked: 1 << 20, Entries: 100})
		src, err := s.Receive(t.Context(), service, bytes.NewReader(content))
		if err == nil {
			stays(t, src.dir)
		}
		if outside, err := os.ReadDir(dir); err != nil || len(outside) != 1 {
			t.Fatalf("outside: %v, %v", outside, err)
		}
		inside, err := os.ReadDir(filepath.Join(dir, "sources", service))
		if err != nil || len(inside) > 2 {
			t.Fatalf("inside: %v, %v", inside, err)
		}
	})
}

// stays fails when anything in dir is not a file, folder or link that stays in it.
func stays(t *testing.T, dir string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Type().IsRegular() {
			return err
		}
		if d.Type() != fs.ModeSymlink {
			return fmt.Errorf("%s is a %v", path, d.Type())
		}
		target, err := filepath.EvalSymlinks(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && target != dir && !strings.HasPrefix(target, dir+"/") {
			err = fmt.Errorf("%s leads to %s", path, target)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
