package source

import (
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
	docker *patternmatcher.PatternMatcher // nil: no .dockerignore
	rules  []rules                        // .deployignore first, then .gitignore files, outer ones first
}

// readFilter reads the ignore files at the top of dir; git says whether .gitignore counts.
func readFilter(dir string, git bool) (*filter, error) {
	f := &filter{}
	if err := f.readDocker(dir); err != nil {
		return nil, err
	}
	if !hasZerops(dir) {
		if err := f.read(dir, ".", ".deployignore"); err != nil {
			return nil, err
		}
	}
	if !git {
		return f, nil
	}
	return f, f.read(dir, ".", ".gitignore")
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

func (f *filter) readDocker(dir string) error {
	file, err := os.Open(filepath.Join(dir, ".dockerignore"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read .dockerignore: %w", err)
	}
	defer file.Close()
	lines, err := ignorefile.ReadAll(file)
	if err != nil {
		return fmt.Errorf("read .dockerignore: %w", err)
	}
	if f.docker, err = patternmatcher.New(lines); err != nil {
		return fmt.Errorf("read .dockerignore: %w", err)
	}
	return nil
}

// read adds the ignore file name in the folder sub of dir, when there is one.
func (f *filter) read(dir, sub, name string) error {
	text, err := os.ReadFile(filepath.Join(dir, sub, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path.Join(sub, name), err)
	}
	f.rules = append(f.rules, parseRules(sub, string(text)))
	return nil
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
	if ignored || f.docker == nil {
		return ignored, nil
	}
	// A folder that .dockerignore names may hold exceptions: its files are asked about one by one.
	if isDir && f.docker.Exclusions() {
		return false, nil
	}
	ignored, err := f.docker.MatchesOrParentMatches(name)
	if err != nil {
		return false, fmt.Errorf("apply .dockerignore: %w", err)
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
