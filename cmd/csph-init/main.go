// Command csph-init is the first process of a spherelet whose source wants more than one command at its start
// (SPEC section 3: initCommands, startCommands, envReplace).
//
//	csph-init FILE
//
// FILE holds a platform.Launch as JSON. At every start, restarts included, it replaces the placeholders in files,
// runs the init commands one after the other (one that fails is logged and stops nothing), and starts the
// processes, each with a shell and in a process group of its own. Signals go to all of them. When one ends by
// itself the others get SIGTERM, SIGKILL after 10 seconds, and the spherelet ends with that one's status: what
// starts it again, and counts its ends, is csphd. As process 1 it also reaps whatever is orphaned.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"csph/platform"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: csph-init FILE")
		os.Exit(2)
	}
	launch, err := read(os.Args[1])
	if err != nil {
		say("%v", err)
		os.Exit(1)
	}
	os.Exit(newSpherelet().run(launch))
}

func read(path string) (platform.Launch, error) {
	var launch platform.Launch
	b, err := os.ReadFile(path)
	if err != nil {
		return launch, fmt.Errorf("read what to start: %w", err)
	}
	if err := json.Unmarshal(b, &launch); err != nil {
		return launch, fmt.Errorf("read what to start: %w", err)
	}
	return launch, nil
}

// say writes a line of csph's own into the spherelet's log.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "csph: "+format+"\n", args...)
}
