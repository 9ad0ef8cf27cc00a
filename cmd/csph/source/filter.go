package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"csph/buildpacks/zerops"
)

// filter says what is left out of an archive.
type filter struct {
	unbuilt *patternmatcher.PatternMatcher // .dockerignore and .deployignore, as the build reads them; nil: neither is there
	rules   []rules                        // .gitignore files, outer ones first
}

// readFilter reads the ignore files at the top of dir; git says whether .gitignore counts.
func readFilter(dir string, git bool) (*filter, error) {
	f := &filter{}
	if err := f.readUnbuilt(dir); err != nil {
		return nil, err
	}
	if !git {
		return f, nil
	}
	return f, f.readRules(dir, ".")
}

// hasZerops reports whether a zerops.yml says how the source is built: its .deployignore is about what goes into the
// run image, and the build may need the rest.
func hasZerops(dir string) bool {
	for _, name := range zerops.Names() {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// readUnbuilt reads what the build of the source does without.
func (f *filter) readUnbuilt(dir string) error {
	text, err := readOptional(dir, ".dockerignore")
	if err != nil {
		return err
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("read .dockerignore: %w", err)
	}
	if !hasZerops(dir) {
		if text, err = readOptional(dir, ".deployignore"); err != nil {
			return err
		}
		patterns = append(patterns, zerops.Ignore(text)...)
	}
	if len(patterns) == 0 {
		return nil
	}
	if f.unbuilt, err = patternmatcher.New(patterns); err != nil {
		return fmt.Errorf("read .dockerignore and .deployignore: %w", err)
	}
	return nil
}

// readRules adds the .gitignore in the folder sub of dir, when there is one.
func (f *filter) readRules(dir, sub string) error {
	text, err := readOptional(dir, path.Join(sub, ".gitignore"))
	if err != nil || text == nil {
		return err
	}
	f.rules = append(f.rules, parseRules(sub, string(text)))
	return nil
}

// readOptional reads a file of dir; nil where there is none.
func readOptional(dir, name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}

// leavesOut reports whether name, whose parents are all kept, is left out.
func (f *filter) leavesOut(name string, isDir bool) (bool, error) {
	if name == ".git" || strings.HasSuffix(name, "/.git") {
		return true, nil
	}
	if needed(name) {
		return false, nil
	}
	ignored := false
	for _, r := range f.rules {
		if verdict, decided := r.verdict(name, isDir); decided {
			ignored = verdict
		}
	}
	if ignored || f.unbuilt == nil {
		return ignored, nil
	}
	// A folder that they name may hold exceptions: its files are asked about one by one.
	if isDir && f.unbuilt.Exclusions() {
		return false, nil
	}
	ignored, err := f.unbuilt.MatchesOrParentMatches(name)
	if err != nil {
		return false, fmt.Errorf("apply .dockerignore and .deployignore: %w", err)
	}
	return ignored, nil
}

// needed are the files that say how to build; images often leave them out, a deployment must not.
func needed(name string) bool {
	switch name {
	case "Dockerfile", ".dockerignore", "Procfile", "zerops.yml", "zerops.yaml":
		return true
	}
	return false
}
