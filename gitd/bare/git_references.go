package bare

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

func (g *gitProgram) references(ctx context.Context, v view) (map[plumbing.ReferenceName]plumbing.Hash, error) {
	out, err := g.run(ctx, v, nil, "for-each-ref", "--format=%(objectname) %(refname)")
	if err != nil {
		return nil, err
	}
	refs := make(map[plumbing.ReferenceName]plumbing.Hash)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if id, name, ok := strings.Cut(lines.Text(), " "); ok {
			refs[plumbing.ReferenceName(name)] = plumbing.NewHash(id)
		}
	}
	return refs, nil
}

// update is one transaction of git update-ref: locks on every reference, all old values compared,
// then all written, so that neither a crash nor a concurrent repack can halve or lose it. go-git's
// CheckAndSetReference writes in place under a lock that git itself does not know.
func (g *gitProgram) update(ctx context.Context, v view, changes []Change) error {
	var in bytes.Buffer
	in.WriteString("start\x00")
	for _, c := range changes {
		switch {
		case c.New.IsZero():
			fmt.Fprintf(&in, "delete %s\x00%s\x00", c.Name, c.Old)
		default:
			fmt.Fprintf(&in, "update %s\x00%s\x00%s\x00", c.Name, c.New, c.Old)
		}
	}
	in.WriteString("prepare\x00commit\x00")
	_, err := g.run(ctx, v, &in, "update-ref", "--stdin", "-z")
	var program *programError
	if !errors.As(err, &program) {
		return err
	}
	if strings.Contains(program.stderr, "but expected") || strings.Contains(program.stderr, "reference already exists") ||
		strings.Contains(program.stderr, "unable to resolve reference") || strings.Contains(program.stderr, "reference is missing") {
		return ErrStale
	}
	return fmt.Errorf("%w: %s", ErrRefused, lastLine(program.stderr))
}
