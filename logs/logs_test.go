package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func create(t testing.TB, path string, opts Options) *Writer {
	t.Helper()
	w, err := Create(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func add(t testing.TB, w *Writer, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := w.Append(Out, text); err != nil {
			t.Fatal(err)
		}
	}
}

func texts(lines []Line) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

func expect(t *testing.T, path string, q Query, want ...string) {
	t.Helper()
	lines, err := Read(path, q)
	if err != nil || !slices.Equal(texts(lines), want) {
		t.Errorf("read %q, %v; want %q", texts(lines), err, want)
	}
}

func TestWhatIsAppendedIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "a.log")
	w := create(t, path, Options{})
	before := time.Now().Truncate(time.Microsecond)
	for stream, text := range map[Stream]string{Out: "out", Err: "err \x1b[31mred\x00", Step: ""} {
		if err := w.Append(stream, text); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := Read(path, Query{})
	if err != nil || len(lines) != 3 {
		t.Fatalf("%v, %v", lines, err)
	}
	for _, l := range lines {
		want := map[Stream]string{Out: "out", Err: "err \x1b[31mred\x00", Step: ""}[l.Stream]
		if l.Text != want || l.Time.Before(before) || l.Time.After(time.Now()) {
			t.Errorf("got %+v", l)
		}
	}
}

func TestTextIsCutIntoLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	w := create(t, path, Options{})
	long := strings.Repeat("x", 2*MaxText+5)
	add(t, w, "one\ntwo\n", "", "a\n\nb", long)
	expect(t, path, Query{}, "one", "two", "", "a", "", "b", long[:MaxText], long[:MaxText], "xxxxx")
}

func TestALogIsRotatedBySizeAndKeepsItsOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	w := create(t, path, Options{MaxBytes: 200, Keep: 2})
	var all []string
	for n := range 100 {
		all = append(all, fmt.Sprintf("line %03d", n))
	}
	add(t, w, all...)
	lines, err := Read(path, Query{})
	got := texts(lines)
	if err != nil || len(got) < 12 || !slices.Equal(got, all[100-len(got):]) {
		t.Errorf("%v, %v", got, err)
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != 3 {
		t.Errorf("the files are %v", files)
	}
	for _, f := range files {
		if st, err := os.Stat(f); err != nil || st.Size() > 300 {
			t.Errorf("%s: %v, %v", f, st.Size(), err)
		}
	}
}

func TestTailAndSinceSelectAcrossRotations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	w := create(t, path, Options{MaxBytes: 60, Keep: 9})
	add(t, w, "one", "two", "three")
	var middle time.Time
	for middle = time.Now(); time.Since(middle) < 2*time.Microsecond; {
	}
	middle = time.Now()
	add(t, w, "four", "five")
	expect(t, path, Query{Tail: 3}, "three", "four", "five")
	expect(t, path, Query{Since: middle}, "four", "five")
	expect(t, path, Query{Since: middle, Tail: 1}, "five")
	expect(t, path, Query{Tail: 99}, "one", "two", "three", "four", "five")
}

func TestTailOfALongLogHoldsLittle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	w := create(t, path, Options{})
	var batch []Line
	for n := range 5000 {
		batch = append(batch, Line{Time: time.Now(), Stream: Out, Text: fmt.Sprint(n)})
	}
	if err := w.AppendLines(batch...); err != nil {
		t.Fatal(err)
	}
	expect(t, path, Query{Tail: 2}, "4998", "4999")
}

func TestATornLineIsLostAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	add(t, create(t, path, Options{}), "before")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("1700000000000000 O torn in the mid")
	f.Close()
	expect(t, path, Query{}, "before")
	add(t, create(t, path, Options{}), "after")
	expect(t, path, Query{}, "before", "torn in the mid", "after")
}

func TestGarbageIsPassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	garbage := "no time\n\n12 O\n12 Q unknown\n-5 O negative\n99999999999999999999 O far\n" + strings.Repeat("z", 3*MaxText) + "\n12 O kept\n\x00\x00\x00"
	if err := os.WriteFile(path, []byte(garbage), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(t, path, Query{}, "kept")
}

func TestALogThatIsNotThereSaysSo(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "none"), Query{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestAClosedWriterRefuses(t *testing.T) {
	w := create(t, filepath.Join(t.TempDir(), "a.log"), Options{})
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(Out, "x"); !errors.Is(err, ErrClosed) {
		t.Errorf("Append: %v", err)
	}
	if err := w.End(); !errors.Is(err, ErrClosed) {
		t.Errorf("End: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// follow collects what a follower sees until it ends, on its own goroutine.
func followed(ctx context.Context, path string, q Query, seen chan<- string) <-chan error {
	done := make(chan error, 1)
	go func() {
		for l, err := range Follow(ctx, path, q) {
			if err != nil {
				done <- err
				return
			}
			seen <- l.Text
		}
		close(seen)
		done <- nil
	}()
	return done
}

func TestAFollowerSeesEveryLineAcrossRotationsAndTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "a.log")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	seen := make(chan string)
	done := followed(ctx, path, Query{}, seen)
	w := create(t, path, Options{MaxBytes: 150, Keep: 3})
	for n := range 500 {
		add(t, w, fmt.Sprint("line ", n))
		if got := <-seen; got != fmt.Sprint("line ", n) {
			t.Fatalf("line %d was seen as %q", n, got)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if extra, open := <-seen; open {
		t.Errorf("after the end came %q", extra)
	}
	if err := <-done; err != nil || ctx.Err() != nil {
		t.Errorf("ended with %v, %v", err, ctx.Err())
	}
}

func TestALateFollowerOfAnEndedLogDoesNotWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	w := create(t, path, Options{})
	add(t, w, "one", "two")
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 9)
	if err := <-followed(t.Context(), path, Query{Tail: 1}, seen); err != nil || len(seen) != 1 || <-seen != "two" {
		t.Errorf("%v", err)
	}
}

func TestALogThatGoesOnAfterItsEndIsFollowedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := create(t, path, Options{}).End(); err != nil {
		t.Fatal(err)
	}
	w := create(t, path, Options{})
	add(t, w, "more")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan string, 9)
	done := followed(ctx, path, Query{}, seen)
	if got := <-seen; got != "more" {
		t.Errorf("saw %q", got)
	}
	add(t, w, "and more")
	if got := <-seen; got != "and more" {
		t.Errorf("saw %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the end of the context is told as %v", err)
	}
}

func TestALineIsSeenOnlyWhenItIsComplete(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := make(chan string)
	followed(t.Context(), path, Query{}, seen)
	for _, part := range []string{"12 O first\n12 O in ", "two ", "parts\n"} {
		f.WriteString(part)
		if part == "two " {
			continue
		}
		want := map[bool]string{true: "first", false: "in two parts"}[strings.HasPrefix(part, "12")]
		if got := <-seen; got != want {
			t.Errorf("saw %q, want %q", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"12 O text\n", "12 O text", "\n\n", "9999999999999999999999 O x\n", "-1 E y\n", "1 X \n1 S z\n", "0 O \x00\xff\n", "1 o a1 text\n2 s a1 \n3 e  x\n", "1 P {}\n2 p a {}\n3 x a b\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "a.log")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		first, err := Read(path, Query{Progress: true})
		if err != nil {
			t.Fatal(err)
		}
		again := filepath.Join(t.TempDir(), "b.log")
		if err := create(t, again, Options{}).AppendLines(first...); err != nil {
			t.Fatal(err)
		}
		second, err := Read(again, Query{Progress: true})
		if err != nil || len(first) != len(second) {
			t.Fatalf("%d lines became %d: %v", len(first), len(second), err)
		}
		for i := range first {
			if first[i] != second[i] {
				t.Fatalf("%+v became %+v", first[i], second[i])
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	w := create(b, filepath.Join(b.TempDir(), "a.log"), Options{MaxBytes: 10 << 20, Keep: 1})
	for b.Loop() {
		if err := w.Append(Out, "a line of output as an app would write it, of usual length"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestALineSaysWhichStepItIsOfAndProgressIsForThoseWhoAsk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	w := create(t, path, Options{})
	add(t, w, "of none")
	if err := w.AppendOf("a1", Err, "of a1\nand on"); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(Progress, "{}"); err != nil {
		t.Fatal(err)
	}
	expect(t, path, Query{}, "of none", "of a1", "and on")
	expect(t, path, Query{Tail: 1}, "and on")
	lines, err := Read(path, Query{Progress: true})
	if err != nil || len(lines) != 4 || lines[1].Step != "a1" || lines[2].Step != "a1" || lines[1].Stream != Err || lines[3].Stream != Progress {
		t.Errorf("read %+v, %v", lines, err)
	}
}
