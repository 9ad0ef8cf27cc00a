package doomed

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// lifetime is how long a process may live that nobody kills.
const lifetime = time.Minute

// Process is one that is to be killed. It is for one goroutine, but for Kill.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	forget context.CancelFunc
	in     io.Writer
	said   *bufio.Scanner
}

// Start runs this binary with the variable name set to value. The caller kills it, and waits for its end with End.
func Start(t testing.TB, name, value string) *Process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lifetime)
	p := &Process{t: t, cmd: exec.CommandContext(ctx, os.Args[0]), forget: cancel}
	p.cmd.Env = append(os.Environ(), name+"="+value)
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.in, p.said = in, bufio.NewScanner(out)
	return p
}

// Tell writes a line to its standard input.
func (p *Process) Tell(line any) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		p.t.Fatal(err)
	}
}

// Hear waits for the next line of its standard output; more is false when it has ended.
func (p *Process) Hear() (line string, more bool) {
	more = p.said.Scan()
	return p.said.Text(), more
}

// Kill sends it SIGKILL, which comes to nothing where it has gone already.
func (p *Process) Kill() { _ = p.cmd.Process.Kill() }

// End waits until it has ended, which it may only have done by being killed. Nothing that it said can be heard any more.
func (p *Process) End() {
	p.t.Helper()
	defer p.forget()
	if err := p.cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		p.t.Errorf("the process ended by itself: %v", err)
	}
}
