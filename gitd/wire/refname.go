package wire

import (
	"errors"
	"strings"
)

// Bounds of a reference name, in bytes: a component and its ".lock" must fit into a file name, the
// whole into a path.
const (
	maxRefComponent = 250
	maxRefName      = 1000
)

// CheckRefName applies the rules of git check-ref-format(1) to a full reference name, which must lie
// under refs/ and have at least two components below it, as git receive-pack demands.
func CheckRefName(name string) error {
	rest, ok := strings.CutPrefix(name, "refs/")
	if !ok || !strings.Contains(rest, "/") {
		return errors.New("the name of a reference starts with refs/heads/, refs/tags/ or another refs/…/")
	}
	if len(name) > maxRefName {
		return errors.New("the reference name is too long")
	}
	if strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.HasSuffix(name, ".") {
		return errors.New("the reference name holds a forbidden sequence")
	}
	for _, part := range strings.Split(rest, "/") {
		if err := checkRefComponent(part); err != nil {
			return err
		}
	}
	return nil
}

func checkRefComponent(part string) error {
	switch {
	case part == "":
		return errors.New("the reference name has an empty component")
	case part[0] == '.' || strings.HasSuffix(part, ".lock"):
		return errors.New("a component of the reference name starts with a dot or ends in .lock")
	case len(part) > maxRefComponent:
		return errors.New("a component of the reference name is too long")
	}
	for i := range len(part) {
		if c := part[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`~^:?*[\`, c) >= 0 {
			return errors.New("the reference name holds a forbidden character")
		}
	}
	return nil
}
