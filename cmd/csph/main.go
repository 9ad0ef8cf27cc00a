package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
	"csph/transcript"
)

// Exit statuses.
const (
	exitFalse        = 1
	exitUsage        = 2
	exitUnreachable  = 3
	exitUnauthorized = 4
	exitInterrupted  = 130
)

func main() {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, terminal: isTerminal(os.Stdout)}
	os.Exit(a.run(context.Background(), os.Args[1:]))
}

// usageError is a command line that cannot be meant.
type usageError struct{ error }

// errInterrupted says that the user pressed ctrl-C.
var errInterrupted = errors.New("interrupted")

// errTold says that what was asked for is not true, and that the user has been told.
var errTold = errors.New("not so")

// run carries out one command line and returns the exit status.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err != nil && !told(err) {
		report(a.err, err)
	}
	return status(err)
}

// told reports whether the user knows already.
func told(err error) bool {
	var exit exitError
	return errors.Is(err, errTold) || errors.As(err, &exit)
}

func status(err error) int {
	var usage usageError
	var unreachable *client.UnreachableError
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &usage), unknownCommand(err):
		return exitUsage
	case errors.As(err, &unreachable):
		return exitUnreachable
	case errors.Is(err, platform.ErrUnauthorized):
		return exitUnauthorized
	}
	return exitFalse
}

// unknownCommand recognises cobra's own complaint, which has no type.
func unknownCommand(err error) bool { return strings.HasPrefix(err.Error(), "unknown command ") }

// report writes an error: what happened, and what to type next.
func report(w io.Writer, err error) {
	fmt.Fprintf(w, "csph: %s\n", harmless(err.Error()))
	if hint := hint(err); hint != "" {
		fmt.Fprintf(w, "%s\n", harmless(hint))
	}
}

// harmless is a text of several lines without what a terminal would obey.
func harmless(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = transcript.Harmless(line)
	}
	return strings.Join(lines, "\n")
}

func hint(err error) string {
	var problem *wire.Problem
	var unreachable *client.UnreachableError
	var usage usageError
	switch {
	case errors.As(err, &unreachable):
		return "Is csphd running there? CSPH_URL, or csph login URL, says where it is."
	case errors.Is(err, platform.ErrUnauthorized):
		return "Log in with: csph login URL, or set CSPH_TOKEN. The first token is in admin.token of the server's state folder; on its own machine CSPH_STATE says which that is."
	case errors.As(err, &problem) && problem.Status >= 500:
		return fmt.Sprintf("%s (%s)", problem.Hint, problem.RequestID)
	case errors.As(err, &problem):
		return problem.Hint
	case errors.As(err, &usage), unknownCommand(err):
		return "csph --help, or --help behind a command, shows how it is used."
	}
	return ""
}
