package bare

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

func idLines(ids []plumbing.Hash) io.Reader {
	var b bytes.Buffer
	for _, id := range ids {
		b.WriteString(id.String())
		b.WriteByte('\n')
	}
	return &b
}

func (g *gitProgram) kinds(ctx context.Context, v view, ids []plumbing.Hash, own bool) (map[plumbing.Hash]plumbing.ObjectType, error) {
	cmd := g.command(ctx, v, "cat-file", "--batch-check=%(objectname) %(objecttype)")
	if own {
		cmd.Env = append(cmd.Env, "GIT_ALTERNATE_OBJECT_DIRECTORIES=")
	}
	var stdout bytes.Buffer
	var stderr tail
	cmd.Stdin, cmd.Stdout, cmd.Stderr = idLines(ids), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, commandError(ctx, "cat-file", &stderr, err)
	}
	kinds := make(map[plumbing.Hash]plumbing.ObjectType, len(ids))
	for lines := bufio.NewScanner(&stdout); lines.Scan(); {
		name, kind, _ := strings.Cut(lines.Text(), " ")
		if t, err := plumbing.ParseObjectType(kind); err == nil {
			kinds[plumbing.NewHash(name)] = t
		}
	}
	return kinds, nil
}

func (g *gitProgram) connected(ctx context.Context, v view, tips []plumbing.Hash) error {
	_, err := g.run(ctx, v, idLines(tips), "rev-list", "--objects", "--stdin", "--not", "--all", "--quiet")
	var program *programError
	if errors.As(err, &program) {
		return fmt.Errorf("%w: %s", ErrDisconnected, lastLine(program.stderr))
	}
	return err
}

func (g *gitProgram) walk(ctx context.Context, v view, commit plumbing.Hash, visit func(file) error) error {
	return g.stream(ctx, v, nil, func(stdout io.Reader) error {
		return readTreeList(stdout, visit)
	}, "ls-tree", "-r", "-l", "-z", "--full-tree", commit.String())
}

// readTreeList reads the output of git ls-tree -l -z: "<mode> <type> <id> <size>\t<path>\0".
func readTreeList(r io.Reader, visit func(file) error) error {
	entries := bufio.NewScanner(r)
	entries.Buffer(make([]byte, 0, 64<<10), 1<<20)
	entries.Split(func(b []byte, _ bool) (int, []byte, error) {
		if i := bytes.IndexByte(b, 0); i >= 0 {
			return i + 1, b[:i], nil
		}
		return 0, nil, nil
	})
	for entries.Scan() {
		f, err := parseTreeLine(entries.Text())
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("read list of files: %w", err)
	}
	return nil
}

func parseTreeLine(line string) (file, error) {
	facts, path, _ := strings.Cut(line, "\t")
	fields := strings.Fields(facts)
	if len(fields) != 4 {
		return file{}, fmt.Errorf("read list of files: unexpected line %q", line)
	}
	mode, err := strconv.ParseUint(fields[0], 8, 32)
	if err != nil {
		return file{}, fmt.Errorf("read list of files: mode: %w", err)
	}
	size, err := strconv.ParseInt(fields[3], 10, 64)
	if err != nil && fields[3] != "-" {
		return file{}, fmt.Errorf("read list of files: size: %w", err)
	}
	return file{path: path, mode: uint32(mode), id: plumbing.NewHash(fields[2]), size: size}, nil
}

func (g *gitProgram) contents(ctx context.Context, v view, ids []plumbing.Hash, limit int64, visit func(int, []byte) error) error {
	if len(ids) == 0 {
		return nil
	}
	return g.stream(ctx, v, idLines(ids), func(stdout io.Reader) error {
		r := bufio.NewReaderSize(stdout, 64<<10)
		for i := range ids {
			content, err := readObject(r, limit)
			if err != nil {
				return fmt.Errorf("read object %s: %w", ids[i], err)
			}
			if err := visit(i, content); err != nil {
				return err
			}
		}
		return nil
	}, "cat-file", "--batch")
}

// readObject reads one answer of git cat-file --batch: "<id> <type> <size>\n<content>\n".
func readObject(r *bufio.Reader, limit int64) ([]byte, error) {
	header, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(header)
	if len(fields) != 3 {
		return nil, ErrDisconnected
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return nil, err
	}
	content := make([]byte, min(size, limit))
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, size-int64(len(content))+1); err != nil {
		return nil, err
	}
	return content, nil
}
