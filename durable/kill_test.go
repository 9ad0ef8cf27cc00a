package durable_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"csph/durable"
	"csph/test/doomed"
)

// writtenFile names the file that this binary, run as a writer, replaces until it is killed.
const writtenFile = "CSPH_DURABLE_TEST_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(writtenFile); path != "" {
		if err := replaceUntilKilled(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// content is a file of many pages, each line of which says how often it was replaced.
func content(n int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%08d\n", n), 20_000)
}

func replaceUntilKilled(path string) error {
	for n := 1; ; n++ {
		if err := durable.Replace(path, content(n), 0o600); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// TestAKilledWriterLeavesTheOldFileOrTheNewOne kills a process that replaces a file as fast as it can: the file is whole, at
// least as new as was acknowledged, and what the writer was at is gone with the next one.
func TestAKilledWriterLeavesTheOldFileOrTheNewOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for range 12 {
		acknowledged := killAWriter(t, path)
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := bytes.Cut(got, []byte("\n"))
		n, err := strconv.Atoi(string(line))
		if err != nil || n < acknowledged || !bytes.Equal(got, content(n)) {
			t.Fatalf("%d was acknowledged; there are %d bytes that begin with %q", acknowledged, len(got), line)
		}
	}
	if err := durable.Replace(path, content(0), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("the folder holds %v, %v", all, err)
	}
}

// killAWriter runs a writer, kills it some time after its first acknowledgement, and returns the last one.
func killAWriter(t *testing.T, path string) (last int) {
	t.Helper()
	child := doomed.Start(t, writtenFile, path)
	for line, more := child.Hear(); more; line, more = child.Hear() {
		if last == 0 {
			time.AfterFunc(rand.N(20*time.Millisecond), child.Kill)
		}
		var err error
		if last, err = strconv.Atoi(line); err != nil {
			t.Fatal(err)
		}
	}
	child.End()
	return last
}
