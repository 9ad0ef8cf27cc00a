package api_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"modernc.org/sqlite"

	"csph/api/apitest"
)

// killedFolder names the state folder that this binary, run as a server, serves until it is killed.
const killedFolder = "CSPH_API_TEST_FOLDER"

// TestMain runs this binary as the server that TestAKillInTheMiddleOfAnyWriteLeavesNothingHalfMade kills, when told to.
func TestMain(m *testing.M) {
	if dir := os.Getenv(killedFolder); dir != "" {
		if err := serveUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveUntilKilled says where it listens. Told a number on its standard input, it kills itself at that one of the moments that
// follow: before a row is changed, and before a transaction is committed.
func serveUntilKilled(dir string) error {
	var moments atomic.Int64
	pass := func() {
		if moments.Add(-1) == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // nothing happens any more
		}
	}
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, _ string) error {
		hooks, ok := c.(sqlite.HookRegisterer)
		if !ok {
			return fmt.Errorf("%T has no hooks", c)
		}
		hooks.RegisterPreUpdateHook(func(sqlite.SQLitePreUpdateData) { pass() })
		hooks.RegisterCommitHook(func() int32 { pass(); return 0 })
		return nil
	})
	s, err := apitest.Serve(dir, io.Discard)
	if err != nil {
		return err
	}
	fmt.Println(s.URL)
	for {
		var moment int64
		if _, err := fmt.Scan(&moment); err != nil {
			return err // the test has gone
		}
		moments.Store(moment)
		fmt.Println("armed")
	}
}

// mostMoments bounds at which moment a server is killed; one that answers before that is killed behind its answer.
const mostMoments = 10

// doomed is a server in a process of its own.
type doomed struct {
	*exec.Cmd
	in   io.Writer
	said *bufio.Scanner
	url  string
}

func startDoomed(t *testing.T, dir string) *doomed {
	t.Helper()
	d := &doomed{Cmd: exec.CommandContext(t.Context(), os.Args[0])}
	d.Env = append(os.Environ(), killedFolder+"="+dir)
	d.Stderr = os.Stderr
	in, err := d.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	d.in, d.said = in, bufio.NewScanner(out)
	d.url = d.line(t)
	return d
}

func (d *doomed) line(t *testing.T) string {
	t.Helper()
	if !d.said.Scan() {
		t.Fatalf("the server says nothing: %v", d.said.Err())
	}
	return d.said.Text()
}

// arm has the server kill itself at a moment.
func (d *doomed) arm(t *testing.T, moment int) {
	t.Helper()
	if _, err := fmt.Fprintln(d.in, moment); err != nil {
		t.Fatal(err)
	}
	d.line(t)
}

// end kills the server, if it has not done so itself, and waits for that.
func (d *doomed) end(t *testing.T) {
	t.Helper()
	_ = d.Process.Kill() // it may be gone
	if err := d.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the server ended by itself: %v", err)
	}
}
