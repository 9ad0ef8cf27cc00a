package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the manual: what a user does day by day, all against one csphd.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts containers")
	}
	// The repositories that scripts fetch from are on this machine.
	runScripts(t, "testdata/scripts", newServer(t, "--config", hubSettings(t)))
}

// TestFaults kills and breaks things in the middle; its scripts take turns on a csphd of their own.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("starts containers")
	}
	scripts, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no fault scripts: %v", err)
	}
	s := newServer(t, "--config", hubSettings(t))
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			testscript.Run(t, params(s, testscript.Params{Files: []string{script}}))
		})
	}
	t.Run("upgrade", func(t *testing.T) { upgradeUnderLoad(t, s) })
}

func runScripts(t *testing.T, dir string, s *server) {
	t.Helper()
	testscript.Run(t, params(s, testscript.Params{Dir: dir}))
}

func params(s *server, p testscript.Params) testscript.Params {
	loads := &loads{}
	p.RequireExplicitExec = true
	p.Deadline = time.Now().Add(30 * time.Minute)
	p.Setup = func(env *testscript.Env) error {
		apps, err := filepath.Abs("../apps")
		if err != nil {
			return err
		}
		_, port, _ := net.SplitHostPort(s.http)
		for k, v := range map[string]string{
			"PATH":            s.bin + ":" + os.Getenv("PATH"),
			"APPS":            apps,
			"STATE":           s.state,
			"CSPH_URL":        "http://" + s.api,
			"CSPH_TOKEN":      s.token(),
			"GIT_SSH_COMMAND": s.sshCommand(),
			"SSH":             s.ssh,
			"HTTP":            s.http,
			"HTTP_PORT":       port,
			"REMOTE":          "ssh://git@" + s.ssh,
			"HOME":            env.WorkDir,
			"GIT_AUTHOR_NAME": "e2e", "GIT_AUTHOR_EMAIL": "e2e@localhost",
			"GIT_COMMITTER_NAME": "e2e", "GIT_COMMITTER_EMAIL": "e2e@localhost",
		} {
			env.Setenv(k, v)
		}
		return nil
	}
	p.Cmds = map[string]func(*testscript.TestScript, bool, []string){
		"app":        app,
		"load":       loads.command(s),
		"csphd":      func(ts *testscript.TestScript, neg bool, args []string) { daemonCommand(ts, s, args) },
		"killdaemon": func(ts *testscript.TestScript, neg bool, args []string) { killDaemon(ts, s, args) },
		"killall":    func(ts *testscript.TestScript, neg bool, args []string) { killAll(ts, s) },
		"eventually": eventually,
		"hub":        hub,
		"registry":   registries{}.command,
		"tinyapp":    tinyApp,
		"pull":       func(ts *testscript.TestScript, neg bool, args []string) { pull(ts, s, neg, args) },
		"deliver":    func(ts *testscript.TestScript, neg bool, args []string) { deliver(ts, s, neg, args) },
		"lean":       func(ts *testscript.TestScript, neg bool, args []string) { lean(ts, s, neg, args) },
		"fill":       fill,
		"unfill":     unfill,
		"leftovers":  func(ts *testscript.TestScript, neg bool, args []string) { leftovers(ts, s, args) },
	}
	return p
}

// app NAME SERVICE: a git repository in ./SERVICE with the sample app NAME as its first commit, and the remote csph.
func app(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: app NAME SERVICE")
	}
	dir := ts.MkAbs(args[1])
	ts.Check(os.CopyFS(dir, os.DirFS(filepath.Join(ts.Getenv("APPS"), args[0]))))
	for _, git := range [][]string{
		{"init", "-q", "-b", "main"},
		{"add", "-A"},
		{"commit", "-q", "-m", "first version"},
		{"remote", "add", "csph", ts.Getenv("REMOTE") + "/" + args[1]},
	} {
		ts.Check(ts.Exec("git", append([]string{"-C", dir}, git...)...))
	}
}

// csphd start|stop|kill: what happens to the server.
func daemonCommand(ts *testscript.TestScript, s *server, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: csphd start|stop|kill")
	}
	switch args[0] {
	case "start":
		ts.Check(s.tryStart())
	case "stop":
		ts.Check(s.signal(syscall.SIGTERM))
	case "kill":
		ts.Check(s.signal(syscall.SIGKILL))
	default:
		ts.Fatalf("usage: csphd start|stop|kill")
	}
}

// killdaemon containerd|buildkitd: kill -9 of csphd's child.
func killDaemon(ts *testscript.TestScript, s *server, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: killdaemon containerd|buildkitd")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ts.Check(poll(ctx, func() error { // it may just be on its way back from the last time
		pid, err := s.daemonPID(args[0])
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	}))
}

// killall: what a reboot does to the processes of a csphd that is not running: shims, apps, loggers, daemons, all SIGKILLed.
func killAll(ts *testscript.TestScript, s *server) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ts.Check(poll(ctx, func() error {
		left := s.processes()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(left) > 0 {
			return fmt.Errorf("%d processes are left", len(left))
		}
		return nil
	}))
}

// eventually DURATION TEXT COMMAND…: runs the command again and again until its output contains TEXT.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: eventually DURATION TEXT COMMAND…")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ts.Check(poll(ctx, func() error {
		cmd := exec.CommandContext(ctx, args[2], args[3:]...)
		cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
		out, err := cmd.CombinedOutput()
		if !strings.Contains(string(out), args[1]) {
			return fmt.Errorf("%v: no %q in the output of %v (%v):\n%s", limit, args[1], args[2:], err, out)
		}
		return nil
	}))
}

func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, k := range []string{"PATH", "HOME", "CSPH_URL", "CSPH_TOKEN", "GIT_SSH_COMMAND", "STATE"} {
		env = append(env, k+"="+ts.Getenv(k))
	}
	return env
}
