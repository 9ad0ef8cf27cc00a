package api_test

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"modernc.org/sqlite"

	"csph/api/apitest"
	"csph/test/doomed"
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

// doomedServer is a server in a process of its own.
type doomedServer struct {
	*doomed.Process
	url string
}

func startDoomed(t *testing.T, dir string) doomedServer {
	t.Helper()
	d := doomedServer{Process: doomed.Start(t, killedFolder, dir)}
	d.url = d.answer(t)
	return d
}

// answer is the next line that the server says.
func (d doomedServer) answer(t *testing.T) string {
	t.Helper()
	line, more := d.Hear()
	if !more {
		t.Fatal("the server says nothing")
	}
	return line
}

// arm has the server kill itself at a moment.
func (d doomedServer) arm(t *testing.T, moment int) {
	t.Helper()
	d.Tell(moment)
	d.answer(t)
}

// end kills the server, if it has not done so itself, and waits for that.
func (d doomedServer) end() {
	d.Kill()
	d.End()
}
