package wire

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Verb is a git service that a client may ask for.
type Verb string

const (
	ReceivePack Verb = "git-receive-pack" // git push
	UploadPack  Verb = "git-upload-pack"  // git fetch, git clone
)

// Command is a git command line: what to do with which service.
type Command struct {
	Verb Verb
	// Path names a service: one to three segments, "<service>", "<env>/<service>" or
	// "<project>/<env>/<service>", without leading slash and ".git".
	Path string
}

// ErrNotGit says that a command line is none of the two that are served.
var ErrNotGit = errors.New("only git push and git fetch are served here")

// maxCommand bounds a command line, in bytes.
const maxCommand = 1024

var segment = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$`)

// ParseCommand reads the command line of an SSH exec request as git clients send it: the verb, one
// space, and one argument, quoted as git's sq_quote does or bare. Errors are sentences for the user;
// they wrap ErrNotGit when the program is not one of the two.
func ParseCommand(line string) (Command, error) {
	if len(line) > maxCommand {
		return Command{}, fmt.Errorf("the command line is longer than %d bytes: %w", maxCommand, ErrNotGit)
	}
	verb, rest, ok := cutVerb(line)
	if !ok {
		return Command{}, notGit(line)
	}
	argument, err := unquote(rest)
	if err != nil {
		return Command{}, fmt.Errorf("the argument of %s is malformed: %w", verb, err)
	}
	path, err := servicePath(argument)
	if err != nil {
		return Command{}, err
	}
	return Command{Verb: verb, Path: path}, nil
}

// cutVerb accepts "git-receive-pack ARG" and the older "git receive-pack ARG".
func cutVerb(line string) (Verb, string, bool) {
	for _, v := range []Verb{ReceivePack, UploadPack} {
		if rest, ok := strings.CutPrefix(line, string(v)+" "); ok {
			return v, rest, true
		}
		if rest, ok := strings.CutPrefix(line, "git "+strings.TrimPrefix(string(v), "git-")+" "); ok {
			return v, rest, true
		}
	}
	return "", "", false
}

func notGit(line string) error {
	program, _, _ := strings.Cut(line, " ")
	switch {
	case strings.HasPrefix(program, "git-lfs-"):
		return fmt.Errorf("Git LFS is not offered here, pointer files are deployed as they are; push with GIT_LFS_SKIP_PUSH=1 set: %w", ErrNotGit)
	case line == "":
		return fmt.Errorf("no shell is offered here: %w", ErrNotGit)
	case !segment.MatchString(program):
		return fmt.Errorf("this command is refused: %w", ErrNotGit)
	}
	return fmt.Errorf("%s is refused: %w", program, ErrNotGit)
}

// unquote undoes git's sq_quote (quote.c: 'it'\”s', and '\!' for a bang). An argument without any
// quote is taken as it is, if it holds nothing that a shell would treat.
func unquote(s string) (string, error) {
	if !strings.HasPrefix(s, "'") {
		if s == "" || strings.ContainsAny(s, " \t\r\n'\"\\$`&|;<>()*?[]{}!#") {
			return "", errors.New("one quoted path is expected")
		}
		return s, nil
	}
	var b strings.Builder
	for {
		inside, rest, closed := strings.Cut(s[1:], "'")
		if !closed {
			return "", errors.New("a quote is not closed")
		}
		b.WriteString(inside)
		if rest == "" {
			return b.String(), nil
		}
		if len(rest) < 3 || rest[0] != '\\' || (rest[1] != '\'' && rest[1] != '!') || rest[2] != '\'' {
			return "", errors.New("text follows the closing quote")
		}
		b.WriteByte(rest[1])
		s = rest[2:]
	}
}

// servicePath strips one leading slash and one ".git", and checks the segments.
func servicePath(s string) (string, error) {
	path := strings.TrimSuffix(strings.TrimPrefix(s, "/"), ".git")
	segments := strings.Split(path, "/")
	if len(segments) > 3 {
		return "", malformedPath(s)
	}
	for _, part := range segments {
		if !segment.MatchString(part) {
			return "", malformedPath(s)
		}
	}
	return path, nil
}

func malformedPath(s string) error {
	return fmt.Errorf("%q does not name a service; use ssh://…/<service>, /<environment>/<service> or /<project>/<environment>/<service>", s)
}
