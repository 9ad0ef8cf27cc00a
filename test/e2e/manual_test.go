package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestTheManual runs every command of docs/cli.md as it stands there, in the folder of an app; all must succeed.
func TestTheManual(t *testing.T) {
	if testing.Short() {
		t.Skip("starts containers")
	}
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := shellLines(string(text))
	if len(commands) < 50 {
		t.Fatalf("only %d commands were found in the manual", len(commands))
	}
	script := filepath.Join(t.TempDir(), "manual.txtar")
	if err := os.WriteFile(script, []byte(asScript(commands)), 0o644); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, params(newServer(t), testscript.Params{Files: []string{script}}))
}

// shellLines are the commands in the blocks that are marked as of the shell.
func shellLines(markdown string) []string {
	var commands []string
	inside := false
	for line := range strings.Lines(markdown) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "```sh":
			inside = true
		case line == "```":
			inside = false
		case inside && line != "":
			commands = append(commands, line)
		}
	}
	return commands
}

// asScript makes a script of commands; the shell runs each, so that they may be what a shell understands.
func asScript(commands []string) string {
	var script strings.Builder
	script.WriteString("app go-hello manual\ncd manual\nexec git remote remove csph\n")
	for i := range commands {
		fmt.Fprintf(&script, "exec bash -e -o pipefail $WORK/line-%d\n", i)
	}
	for i, command := range commands {
		fmt.Fprintf(&script, "-- line-%d --\n%s\n", i, command)
	}
	return script.String()
}
