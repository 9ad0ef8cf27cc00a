package bare

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// headers reads the header lines of a raw commit or tag, in the order git demands. The first error stays.
type headers struct {
	r   *bufio.Reader
	err error
}

// next is the key of the next line.
func (h *headers) next() string {
	line, _ := h.r.Peek(16)
	key, _, _ := bytes.Cut(line, []byte(" "))
	return string(key)
}

func (h *headers) value(key string) string {
	if h.err != nil {
		return ""
	}
	line, err := h.r.ReadString('\n')
	value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), key+" ")
	if err != nil || !ok || value == "" || strings.Contains(value, "\x00") {
		h.err = fmt.Errorf("the line %q is missing or malformed", key)
	}
	return value
}

func (h *headers) link(key string) plumbing.Hash {
	value := h.value(key)
	if h.err == nil && !plumbing.IsHash(value) {
		h.err = fmt.Errorf("the line %q names no object", key)
	}
	return plumbing.NewHash(value)
}

// person checks "Name <address> seconds zone".
func (h *headers) person(key string) {
	value := h.value(key)
	if h.err != nil {
		return
	}
	name, rest, ok := strings.Cut(value, "<")
	address, rest, closed := strings.Cut(rest, ">")
	fields := strings.Fields(rest)
	if !ok || !closed || strings.ContainsAny(name+address, "<>") || len(fields) != 2 {
		h.err = fmt.Errorf("the line %q is malformed", key)
		return
	}
	if _, err := strconv.ParseInt(fields[0], 10, 64); err != nil {
		h.err = fmt.Errorf("the line %q has no date", key)
	}
}

// readCommit reads the links of a raw commit, and refuses a malformed one.
func readCommit(content []byte) (tree plumbing.Hash, parents []plumbing.Hash, err error) {
	h := headers{r: bufio.NewReader(bytes.NewReader(content))}
	tree = h.link("tree")
	for h.err == nil && h.next() == "parent" {
		parents = append(parents, h.link("parent"))
	}
	h.person("author")
	h.person("committer")
	return tree, parents, h.err
}

// checkTree reads a raw tree, "<mode> <name>\0<20 bytes>" again and again, sorted as git sorts:
// folders as if their names ended in a slash.
func checkTree(content []byte) (links []plumbing.Hash, err error) {
	seen := make(map[string]bool)
	previous := ""
	for len(content) > 0 {
		entry, rest, err := cutEntry(content)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(checkName(entry.path), checkMode(entry.mode)); err != nil {
			return nil, fmt.Errorf("entry %q: %w", entry.path, err)
		}
		if seen[entry.path] {
			return nil, fmt.Errorf("entry %q is there twice", entry.path)
		}
		seen[entry.path] = true
		order := entry.path
		if entry.mode == modeFolder {
			order += "/"
		}
		if order < previous {
			return nil, fmt.Errorf("entry %q is out of order", entry.path)
		}
		previous = order
		if entry.mode != modeSubmodule {
			links = append(links, entry.id)
		}
		content = rest
	}
	return links, nil
}

func cutEntry(content []byte) (entry file, rest []byte, err error) {
	header, rest, ok := bytes.Cut(content, []byte{0})
	mode, name, spaced := bytes.Cut(header, []byte(" "))
	if !ok || !spaced || len(rest) < len(entry.id) {
		return file{}, nil, errors.New("the tree is cut off")
	}
	bits, err := strconv.ParseUint(string(mode), 8, 32)
	if err != nil {
		return file{}, nil, errors.New("a mode is no number")
	}
	entry = file{path: string(name), mode: uint32(bits)}
	copy(entry.id[:], rest)
	if entry.id.IsZero() {
		return file{}, nil, fmt.Errorf("entry %q points to nothing", entry.path)
	}
	return entry, rest[len(entry.id):], nil
}
