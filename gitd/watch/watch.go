// Package watch owns the patterns by which a service of a repository with several says which files it is made of. It
// refuses to know where paths come from: payloads of webhooks and trees of commits alike.
package watch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"csph/platform"
)

// Bounds of what a service may watch.
const (
	maxPatterns = 100
	maxPattern  = 500 // bytes
)

// Paths are the files that are watched; the zero Paths are all.
type Paths struct{ patterns []gitignore.Pattern }

// Parse reads patterns, written as in .gitignore (gitignore(5)) from the root of the repository: apps/web/**, *.go, and with !
// before those that are not watched although an earlier one says so. platform.ErrInvalid when one cannot be meant.
func Parse(patterns []string) (Paths, error) {
	if len(patterns) > maxPatterns {
		return Paths{}, fmt.Errorf("%w: %d patterns of watched files; at most %d", platform.ErrInvalid, len(patterns), maxPatterns)
	}
	var p Paths
	for _, text := range patterns {
		if strings.Trim(text, "!/ ") == "" || len(text) > maxPattern || strings.ContainsAny(text, "\x00\n") {
			return Paths{}, fmt.Errorf("%w: %q is no pattern of watched files; write for example apps/web/**", platform.ErrInvalid, text)
		}
		p.patterns = append(p.patterns, gitignore.ParsePattern(text, nil))
	}
	return p, nil
}

// All reports whether every file is watched.
func (p Paths) All() bool { return len(p.patterns) == 0 }

// Watches reports whether a file is watched, by its path from the root of the repository. The last pattern that matches says.
func (p Paths) Watches(path string) bool {
	if p.All() {
		return true
	}
	return gitignore.NewMatcher(p.patterns).Match(strings.Split(path, "/"), false)
}

// Touched reports whether one of the paths is watched.
func (p Paths) Touched(paths []string) bool { return slices.ContainsFunc(paths, p.Watches) }
