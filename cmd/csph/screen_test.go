package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/console"

	"csph/logs"
)

// onTerminal returns what f writes to a pseudo-terminal of 80 columns.
func onTerminal(t *testing.T, f func(*os.File)) string {
	t.Helper()
	master, path, err := console.NewPty()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	slave, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := master.Resize(console.WinSize{Width: 80, Height: 24}); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&seen, master) // ends with an error when the last one who has the terminal open closes it
	}()
	f(slave)
	slave.Close()
	<-read
	return seen.String()
}

func TestABuildIsDrawnOnATerminalAndItsOutputDoesNotCommandIt(t *testing.T) {
	at := time.Now()
	when := at.UTC().Format(time.RFC3339Nano)
	text := onTerminal(t, func(terminal *os.File) {
		s := openScreen(t.Context(), terminal)
		s.Show(logs.Line{Time: at, Stream: logs.Progress, Text: `{"steps":[{"id":"a1","name":"compile \u001b]0;owned\u0007it","started":"` + when + `"}],"parts":[{"step":"a1","name":"sending","current":1,"started":"` + when + `"}]}`})
		s.Show(logs.Line{Time: at, Stream: logs.Step, Step: "a1", Text: "told by the display itself"})
		s.Show(logs.Line{Time: at, Stream: logs.Err, Step: "a1", Text: "error: \x1b]0;owned\x07no such file"})
		s.Show(logs.Line{Time: at, Stream: logs.Progress, Text: `{"steps":[{"id":"a1","name":"compile it","started":"` + when + `","completed":"` + when + `","error":"exit code: 1"}]}`})
		s.Close()
	})
	for _, want := range []string{"[+] Building", "ERROR compile it", "=> sending", "error: no such file"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q on the terminal:\n%q", want, text)
		}
	}
	for _, not := range []string{"owned", "\x1b]", "told by the display itself"} {
		if strings.Contains(text, not) {
			t.Errorf("%q is on the terminal:\n%q", not, text)
		}
	}
}

func TestBuildsAreDrawnOnTerminalsThatCanAndWhereNobodyWantsLines(t *testing.T) {
	for _, c := range []struct {
		progress progressFlag
		format   string
		terminal bool
		term     string
		draws    bool
	}{
		{"auto", "table", true, "xterm", true},
		{"auto", "table", false, "xterm", false},
		{"auto", "json", true, "xterm", false},
		{"auto", "table", true, "dumb", false},
		{"plain", "table", true, "xterm", false},
	} {
		a := &app{out: os.Stdout, terminal: c.terminal, format: c.format, env: func(string) string { return c.term }}
		open, err := a.screens(t.Context(), c.progress)
		if err != nil || (open != nil) != c.draws {
			t.Errorf("%+v: drawn: %v, %v", c, open != nil, err)
		}
	}
	if _, err := new(app).screens(t.Context(), "tty"); err == nil {
		t.Error("--progress tty is taken")
	}
}
