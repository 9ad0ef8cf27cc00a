package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"csph/logs"
)

// TestMain lets the test binary be the logger, as the shim would start it.
func TestMain(m *testing.M) {
	if os.Getenv("CSPH_LOG_TEST_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// logger is a running logger with the other ends of its pipes.
type logger struct {
	cmd         *exec.Cmd
	out, err    *os.File
	path        string
	stderr      strings.Builder
	outR, ready *os.File
}

func start(t *testing.T, dir string, args ...string) *logger {
	t.Helper()
	l := &logger{path: filepath.Join(dir, "sph_1.log")}
	outR, outW := pipe(t)
	errR, errW := pipe(t)
	readyR, readyW := pipe(t)
	l.out, l.err, l.outR, l.ready = outW, errW, outR, readyR
	l.cmd = exec.Command("/proc/self/exe", append([]string{"dir", dir}, args...)...)
	l.cmd.Env = []string{"CSPH_LOG_TEST_MAIN=1", "CONTAINER_ID=sph_1", "CONTAINER_NAMESPACE=csph"}
	l.cmd.ExtraFiles = []*os.File{outR, errR, readyW}
	l.cmd.Stderr = &l.stderr
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.cmd.Process.Kill(); l.cmd.Wait() })
	errR.Close()
	readyW.Close()
	if b, err := io.ReadAll(readyR); err != nil || len(b) != 1 {
		t.Fatalf("ready: %q, %v", b, err)
	}
	return l
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// finish ends both streams and waits for the logger to end.
func (l *logger) finish(t *testing.T) {
	t.Helper()
	l.out.Close()
	l.err.Close()
	ended := make(chan error, 1)
	go func() { ended <- l.cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the logger ended with %v: %s", err, l.stderr.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the logger does not end")
	}
}

func (l *logger) lines(t *testing.T) []string {
	t.Helper()
	lines, err := logs.Read(l.path, logs.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, line := range lines {
		out = append(out, string(rune(line.Stream))+" "+line.Text)
	}
	return out
}

func TestBothStreamsAreKeptToTheirEndWhateverSignalsCome(t *testing.T) {
	l := start(t, t.TempDir(), "max", "1000000", "keep", "1")
	fmt.Fprintln(l.out, "one")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if err := l.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprint(l.err, "two, without an end")
	l.finish(t)
	got := strings.Join(l.lines(t), "|")
	if got != "O one|E two, without an end" && got != "E two, without an end|O one" {
		t.Errorf("the log is %q", got)
	}
}

func TestLinesAreInTheLogAtOnceAndLongOnesAreCut(t *testing.T) {
	l := start(t, t.TempDir(), "max", "10000000", "keep", "1")
	seen := make(chan string)
	go func() {
		for line := range logs.Follow(t.Context(), l.path, logs.Query{}) {
			seen <- line.Text
		}
	}()
	fmt.Fprintln(l.out, "now")
	if got := <-seen; got != "now" {
		t.Errorf("saw %q", got)
	}
	long := strings.Repeat("x", logs.MaxText+10)
	go fmt.Fprintln(l.out, long)
	if got := <-seen + <-seen; got != long {
		t.Errorf("a long line became %d bytes", len(got))
	}
	l.finish(t)
}

func TestTheLogIsRotated(t *testing.T) {
	dir := t.TempDir()
	l := start(t, dir, "keep", "2", "max", "2000")
	for n := range 1000 {
		fmt.Fprintln(l.out, "line", n)
	}
	l.finish(t)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	got := l.lines(t)
	if len(files) < 2 || len(files) > 3 || len(got) == 0 || got[len(got)-1] != "O line 999" {
		t.Errorf("%v, the last of %d lines is %q", files, len(got), got[len(got)-1])
	}
}

func TestAFullDiskBlocksNobodyAndIsToldLater(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("needs root, to mount a small file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	l := start(t, dir, "max", "0", "keep", "0")
	fmt.Fprintln(l.out, "before")
	for line, err := range logs.Follow(t.Context(), l.path, logs.Query{}) {
		if err != nil || line.Text != "before" {
			t.Fatalf("saw %q, %v", line.Text, err)
		}
		break
	}
	ballast := filepath.Join(dir, "ballast")
	os.WriteFile(ballast, make([]byte, 1<<20), 0o644) // as much as fits
	began := time.Now()
	for n := range 20_000 {
		fmt.Fprintln(l.out, "into a full disk, line", n)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("20,000 lines took %v", took)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(l.out, "after")
	l.finish(t)
	got := l.lines(t)
	all := strings.Join(got, "\n")
	if got[0] != "O before" || !strings.Contains(all, "O after") || !strings.Contains(all, "lines of output were lost here") || !strings.Contains(all, "no space left") {
		t.Errorf("%d lines:\n%s", len(got), all)
	}
}

func TestThePipesAreOpenToTheSphereletsUsers(t *testing.T) {
	l := start(t, t.TempDir())
	if st, err := l.outR.Stat(); err != nil || st.Mode().Perm() != 0o666 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	l.finish(t)
}

func TestArgumentsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{}, {"dir"}, {"dir", "relative"}, {"dir", "/d", "max", "-1"}, {"dir", "/d", "max", "many"}, {"dir", "/d", "depth", "3"}, {"dir", "/d", "keep", "-2"},
	} {
		if path, _, _, err := parse(args, "sph_1"); err == nil {
			t.Errorf("%q was taken as %s", args, path)
		}
	}
	for _, id := range []string{"", "../sph", "a/b"} {
		if path, _, _, err := parse([]string{"dir", "/d"}, id); err == nil {
			t.Errorf("container %q was taken as %s", id, path)
		}
	}
}

func TestSecretsAreNotInTheLogHoweverTheyAreWritten(t *testing.T) {
	dir := t.TempDir()
	hide := filepath.Join(dir, "hide")
	if err := os.WriteFile(hide, []byte(strings.Join(logs.Forms("hunter2hunter2", "first line of it\nsecond line of it"), "\x00")), 0o600); err != nil {
		t.Fatal(err)
	}
	l := start(t, dir, "max", "10000000", "keep", "1", "hide", hide)
	if err := os.Remove(hide); err != nil { // it was read before the logger was ready
		t.Fatal(err)
	}
	for _, piece := range []string{"password hun", "ter2hunt", "er2 in three pieces\n", "hunter2 alone\n", strings.Repeat("x", logs.MaxText-7) + "hunter2hunter2\n", "first line of it\nsecond line of it\n", "the end: hunter2hunter"} {
		if _, err := io.WriteString(l.out, piece); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(l.err, "also hunter2hunter2 here")
	l.finish(t)
	raw, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2hunter2", "line of it"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the file has %q", secret)
		}
	}
	var got []string
	for _, line := range l.lines(t) {
		got = append(got, strings.TrimLeft(line, "Ox "))
	}
	all := strings.Join(got, "|")
	for _, want := range []string{"password *** in three pieces", "hunter2 alone", "|***|", "the end: hunter2hunter", "E also *** here"} {
		if !strings.Contains(all, want) {
			t.Errorf("the log lacks %q: %q", want, all)
		}
	}
}

func TestWithoutWhatItShallHideTheLoggerDoesNotBegin(t *testing.T) {
	if err := run([]string{"dir", t.TempDir(), "hide", "/nowhere"}, "sph_1"); err == nil {
		t.Error("it began")
	}
}

// FuzzHiding cuts output with a secret in it into pieces: the secret is in none of what comes out, and all else is.
func FuzzHiding(f *testing.F) {
	f.Add([]byte("before "), []byte(" after"), 3)
	f.Add([]byte("hunter"), []byte("2"), 1)
	f.Fuzz(func(t *testing.T, before, after []byte, size int) {
		const secret = "hunter2hunter2"
		text := string(before) + secret + string(after)
		out, err := io.ReadAll(hiding(iotest.HalfReader(iotest.OneByteReader(strings.NewReader(text))), logs.MaskOf(logs.Forms(secret)...)))
		if err != nil || strings.Contains(string(out), secret) {
			t.Errorf("%q came out, %v", out, err)
		}
		pieces := &cut{text, max(1, size%64)}
		again, err := io.ReadAll(hiding(pieces, logs.NewMask(secret)))
		if err != nil || string(again) != string(out) || string(out) != logs.NewMask(secret).Text(text) {
			t.Errorf("%q in pieces of %d, %q in others, %v", again, size, out, err)
		}
	})
}

// cut is a stream that comes in pieces of one size.
type cut struct {
	text string
	size int
}

func (c *cut) Read(p []byte) (int, error) {
	if c.text == "" {
		return 0, io.EOF
	}
	n := copy(p, c.text[:min(c.size, len(c.text))])
	c.text = c.text[n:]
	return n, nil
}
