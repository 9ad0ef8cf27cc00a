package bare

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// file is one entry of a commit's tree that is not a folder.
type file struct {
	path string
	mode uint32
	id   plumbing.Hash
	size int64 // bytes; 0 for a submodule
}

// Modes of tree entries (gitformat-index(5)); 0100664 is written by very old clients.
const (
	modeFile       = 0o100644
	modeGroupFile  = 0o100664
	modeExecutable = 0o100755
	modeSymlink    = 0o120000
	modeSubmodule  = 0o160000
	modeFolder     = 0o040000
)

// Bounds of a path, in bytes, so that any file system can hold it below the folder of the checkout.
const (
	maxName = 255
	maxPath = 3500
)

// checkPath refuses the path of a tree entry that would leave the checkout, that some system would
// take for git's own folder, or that no terminal should print.
func checkPath(path string) error {
	if len(path) > maxPath {
		return errors.New("the path is too long")
	}
	for {
		name, rest, more := strings.Cut(path, "/")
		if err := checkName(name); err != nil {
			return err
		}
		if !more {
			return nil
		}
		path = rest
	}
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is empty")
	case name == "." || name == "..":
		return fmt.Errorf("the name %q leads out of the checkout", name)
	case len(name) > maxName:
		return errors.New("a name is longer than 255 bytes")
	case strings.Contains(name, "/"):
		return errors.New("a name holds a slash")
	case isDotGit(name):
		return fmt.Errorf("the name %q stands for git's own folder on some systems", name)
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] == 0x7f {
			return errors.New("a name holds a control character")
		}
	}
	return nil
}

// isDotGit knows the disguises of ".git" that CVE-2014-9390 and its followers are about: case, the
// short name and the trailing dots, spaces and streams of NTFS, the ignored code points of HFS+.
func isDotGit(name string) bool {
	folded := strings.ToLower(strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name))
	for part := range strings.SplitSeq(folded, `\`) {
		part, _, _ = strings.Cut(part, ":")
		if part = strings.TrimRight(part, " ."); part == ".git" || part == "git~1" {
			return true
		}
	}
	return false
}

func checkMode(mode uint32) error {
	switch mode {
	case modeFile, modeGroupFile, modeExecutable, modeSymlink, modeSubmodule, modeFolder:
		return nil
	}
	return fmt.Errorf("the mode %06o is none that git writes", mode)
}
