package builder

import "strings"

// shellCommand runs start through a shell. A simple command replaces the shell, so that it gets the
// signals; anything else keeps the shell's own rules.
func shellCommand(start string) []string {
	if simpleCommand(start) {
		start = "exec " + start
	}
	return []string{"/bin/sh", "-c", start}
}

// shellWords are the reserved words and special builtins (POSIX.1-2017 XCU 2.4, 2.14), and the common
// builtins, that exec cannot run.
var shellWords = map[string]bool{
	"!": true, "{": true, "}": true, "case": true, "if": true, "for": true, "until": true, "while": true,
	".": true, ":": true, "break": true, "continue": true, "eval": true, "exec": true, "exit": true, "export": true,
	"readonly": true, "return": true, "set": true, "shift": true, "times": true, "trap": true, "unset": true,
	"cd": true, "source": true, "ulimit": true, "umask": true, "wait": true, "alias": true, "command": true, "read": true, "type": true,
}

func simpleCommand(s string) bool {
	fields := strings.Fields(s)
	if len(fields) == 0 || shellWords[fields[0]] || strings.ContainsAny(s, ";&|()`\n") {
		return false
	}
	return !strings.Contains(fields[0], "=") // an assignment before the command
}
