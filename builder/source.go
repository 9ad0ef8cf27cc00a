package builder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"

	"csph/buildpacks/zerops"
)

// sourceMounts are the folders that BuildKit may ask for: the source without what its ignore files
// exclude, and for a Dockerfile also the folder that holds it, in which the frontend applies .dockerignore itself.
func sourceMounts(dir, dockerfile string) (map[string]fsutil.FS, error) {
	all, err := fsutil.NewFS(dir)
	if err != nil {
		return nil, fmt.Errorf("open the source: %w", err)
	}
	exclude, err := excludes(dir, dockerfile == "")
	if err != nil {
		return nil, err
	}
	source, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: exclude})
	if err != nil {
		return nil, fmt.Errorf("apply the ignore files of the source: %w", err)
	}
	if dockerfile == "" {
		return map[string]fsutil.FS{sourceMount: source}, nil
	}
	return map[string]fsutil.FS{contextMount: source, dockerfileMount: all}, nil
}

// mountsOf are the folders of a build. With a zerops.yml nothing but .git is left out of the source: its
// .deployignore is about what is deployed, and the build may need the rest.
func mountsOf(r Request) (map[string]fsutil.FS, error) {
	if r.Plan.Zerops == nil {
		return sourceMounts(r.Dir, r.Plan.Dockerfile)
	}
	all, err := fsutil.NewFS(r.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the source: %w", err)
	}
	source, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: []string{".git"}})
	if err != nil {
		return nil, fmt.Errorf("leave .git out of the source: %w", err)
	}
	return map[string]fsutil.FS{sourceMount: source}, nil
}

// excludes are the patterns, in .dockerignore's language, of what is never part of a build.
func excludes(dir string, dockerignore bool) ([]string, error) {
	patterns := []string{".git"}
	if dockerignore {
		b, err := readOptional(filepath.Join(dir, ".dockerignore"))
		if err != nil {
			return nil, err
		}
		more, err := ignorefile.ReadAll(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("read .dockerignore: %w", err)
		}
		patterns = append(patterns, more...)
	}
	b, err := readOptional(filepath.Join(dir, ".deployignore"))
	if err != nil {
		return nil, err
	}
	return append(patterns, zerops.Ignore(b)...), nil
}

func readOptional(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(name), err)
	}
	return b, nil
}
