package tarball

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Linux's limits (limits.h: NAME_MAX, PATH_MAX).
const (
	maxName = 255
	maxPath = 4095
)

// cleanName returns the name of an entry, relative to the folder; "." for the folder itself.
func cleanName(name string) (string, error) {
	clean := path.Clean(name)
	switch {
	case name == "" || path.IsAbs(name):
		return "", refused(name, "its name is absolute or empty")
	case strings.ContainsFunc(name, control):
		return "", refused(name, "its name has control bytes")
	case !local(clean) || strings.Contains("/"+name+"/", "/../"):
		return "", refused(name, "its name leads out of the archive")
	case len(clean) > maxPath:
		return "", refused(name[:maxName]+"…", "its name is longer than %d bytes", maxPath)
	}
	for part := range strings.SplitSeq(clean, "/") {
		if len(part) > maxName {
			return "", refused(part[:maxName]+"…", "its name is longer than %d bytes", maxName)
		}
	}
	return clean, nil
}

// local reports whether a cleaned name stays below the folder it is relative to.
func local(clean string) bool {
	return clean != ".." && !strings.HasPrefix(clean, "../") && !path.IsAbs(clean)
}

func control(r rune) bool { return r < 0x20 || r == 0x7f }

// inGit reports whether name is or belongs to a .git folder.
func inGit(name string) bool {
	return strings.Contains("/"+name+"/", "/.git/")
}

func refused(name, format string, args ...any) error {
	return fmt.Errorf("%w: entry %q: %s", ErrRefused, name, fmt.Sprintf(format, args...))
}

// perm is what of a mode goes into the index.
func perm(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "l"
	case m&0o111 != 0:
		return "x"
	}
	return "f"
}
