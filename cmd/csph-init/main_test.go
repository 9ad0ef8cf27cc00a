package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"csph/platform"
)

// TestMain lets the test binary be csph-init: it must be a process of its own, which reaps all its children.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "as-init" {
		os.Args = os.Args[1:]
		main()
	}
	os.Exit(m.Run())
}

// begin starts csph-init in dir.
func begin(t *testing.T, dir string, launch platform.Launch, env ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	b, err := json.Marshal(launch)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "launch.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "as-init", file)
	out := &bytes.Buffer{}
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = dir, out, out, append(os.Environ(), env...)
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

func status(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

// until waits for a file that a process makes.
func until(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s was not made", path)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestInitCommandsRunInOrderAndAFailureStopsNothing(t *testing.T) {
	cmd, out := begin(t, t.TempDir(), platform.Launch{
		Init:      []string{"echo one", "A=x; exit 3", "echo two $A"},
		Processes: []platform.Process{{Command: "echo main; exit 7"}},
	})
	if got := status(t, cmd.Wait()); got != 7 {
		t.Errorf("exit status %d", got)
	}
	want := "one\ncsph: the init command \"A=x; exit 3\" exited with status 3; the start goes on\ntwo\nmain\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestSeveralProcessesRunWithTheirOwnFoldersAndInitCommands(t *testing.T) {
	dir, sub := t.TempDir(), t.TempDir()
	cmd, out := begin(t, dir, platform.Launch{Processes: []platform.Process{
		{Name: "a", Command: "while ! test -f b; do sleep 0.02; done; cat b", Init: []string{"echo ready > a"}},
		{Name: "b", Command: "pwd > " + dir + "/b; sleep 60", Dir: sub},
	}})
	if got := status(t, cmd.Wait()); got != 0 {
		t.Errorf("exit status %d", got)
	}
	if strings.TrimSpace(out.String()) != sub {
		t.Errorf("the second ran in %q, want %q", out, sub)
	}
}

func TestWhenOneProcessEndsTheOthersAreEnded(t *testing.T) {
	dir := t.TempDir()
	cmd, _ := begin(t, dir, platform.Launch{Processes: []platform.Process{
		{Command: "trap 'echo bye > bye; exit 0' TERM; touch up; while :; do sleep 0.02; done"},
		{Command: "while ! test -f up; do sleep 0.02; done; exit 9"},
	}})
	if got := status(t, cmd.Wait()); got != 9 {
		t.Errorf("exit status %d, want that of the one which ended by itself", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "bye")); err != nil {
		t.Errorf("the other did not get SIGTERM: %v", err)
	}
}

func TestSIGTERMReachesEveryProcessAndTheirChildren(t *testing.T) {
	dir := t.TempDir()
	cmd, _ := begin(t, dir, platform.Launch{Processes: []platform.Process{
		{Command: "trap 'touch a-term; exit 0' TERM; touch a; while :; do sleep 0.02; done"},
		{Command: "sh -c \"trap 'touch b-term; exit 0' TERM; touch b; while :; do sleep 0.02; done\"; exit 0"},
	}})
	until(t, filepath.Join(dir, "a"))
	until(t, filepath.Join(dir, "b"))
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	until(t, filepath.Join(dir, "a-term"))
	until(t, filepath.Join(dir, "b-term"))
}

func TestSIGTERMDuringAnInitCommandEndsTheStart(t *testing.T) {
	dir := t.TempDir()
	cmd, _ := begin(t, dir, platform.Launch{
		Init: []string{"touch begun; sleep 60", "touch never"}, Processes: []platform.Process{{Command: "touch never"}},
	})
	until(t, filepath.Join(dir, "begun"))
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := status(t, cmd.Wait()); got != 143 {
		t.Errorf("exit status %d", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "never")); err == nil {
		t.Error("the start went on")
	}
}

func TestPlaceholdersBecomeValuesInFilesAndFoldersButNotBelow(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.txt": "key=%%KEY%% and @@KEY@@, %%KEY_TWO%%, %%UNKNOWN%%", "conf/b.txt": "%%KEY%%", "conf/deep/c.txt": "%%KEY%%", "other.txt": "%%KEY%%",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	cmd, out := begin(t, dir, platform.Launch{
		Replace:   &platform.Replacement{Delimiters: []string{"%%", "@@"}, Targets: []string{"a.txt", "conf", "missing.txt"}},
		Processes: []platform.Process{{Command: "cat a.txt conf/b.txt conf/deep/c.txt other.txt; stat -c ' %a' a.txt"}},
	}, "KEY=line one\nline two", "KEY_TWO=2")
	if got := status(t, cmd.Wait()); got != 0 {
		t.Errorf("exit status %d", got)
	}
	const value = "line one\nline two"
	want := "csph: replace variables in missing.txt: file does not exist\n" +
		"key=" + value + " and " + value + ", 2, %%UNKNOWN%%" + value + "%%KEY%%" + "%%KEY%%" + " 640\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestACommandThatCannotBeStartedEndsTheSpherelet(t *testing.T) {
	cmd, out := begin(t, t.TempDir(), platform.Launch{Processes: []platform.Process{{Command: "true", Dir: "/nowhere"}}})
	if got := status(t, cmd.Wait()); got != 127 || !strings.Contains(out.String(), "/nowhere") {
		t.Errorf("exit status %d, said %q", got, out)
	}
}
