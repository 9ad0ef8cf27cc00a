package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// saidLength is how much of what a failed command said goes into its error.
const saidLength = 200

// tryCommand runs a check that is a command.
func (p Prober) tryCommand(ctx context.Context, spherelet, command string) error {
	if p.Exec == nil {
		return errors.New("commands cannot be run in spherelets here")
	}
	exit, said, err := p.Exec(ctx, spherelet, []string{"/bin/sh", "-c", command})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the command %q did not end in time", command)
	case err != nil:
		return fmt.Errorf("the command %q could not be run: %w", command, err)
	case exit != 0:
		return fmt.Errorf("the command %q exited with status %d%s", command, exit, quoted(said))
	}
	return nil
}

// quoted is the last line of what a command said, for an error.
func quoted(said string) string {
	said = strings.TrimSpace(said)
	said = said[strings.LastIndexByte(said, '\n')+1:]
	if len(said) > saidLength {
		said = said[:saidLength] + "…"
	}
	if said == "" {
		return ""
	}
	return ": " + said
}
