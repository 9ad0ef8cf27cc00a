package bare

import (
	"errors"
	"strings"
)

// maxHops is how many symlinks one path may lead through, as in Linux (path_resolution(7)).
const maxHops = 40

var (
	errLeaves = errors.New("it leads out of the checkout")
	errLoops  = errors.New("it leads through too many symlinks")
)

// symlinks are the symbolic links of a tree: path to target.
type symlinks map[string]string

// check follows the link at path as a kernel would, through the other links of the tree, and refuses
// one that is absolute or climbs above the root. Cleaning the text alone would not do: "a/.." is
// wherever a points to. A target that does not exist is none of our business.
func (l symlinks) check(path string) error {
	if strings.HasPrefix(l[path], "/") {
		return errLeaves // also where the way to it leads elsewhere
	}
	var at []string // where we stand
	pending := strings.Split(path, "/")
	for hops := 0; len(pending) > 0; {
		name := pending[0]
		pending = pending[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return errLeaves
			}
			at = at[:len(at)-1]
			continue
		}
		at = append(at, name)
		target, isLink := l[strings.Join(at, "/")]
		if !isLink {
			continue
		}
		if strings.HasPrefix(target, "/") {
			return errLeaves
		}
		if hops++; hops > maxHops {
			return errLoops
		}
		at = at[:len(at)-1]
		pending = append(strings.Split(target, "/"), pending...)
	}
	return nil
}
