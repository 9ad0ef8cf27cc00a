package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	gofs "io/fs"
	"strings"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"csph/buildpacks"
)

// survey is what one reading of a source tells.
type survey struct {
	digest string    // of every name, mode and content that a build can see
	newest time.Time // when the last of its files was changed, to the second
	// manifests is the same of those files alone that steps see before the rest of the source is there.
	manifests time.Time
	absent    map[string]bool // of the paths that were asked for, those that it has nothing at
}

// surveySource reads all of a source, and looks whether it has something at the paths that are asked for.
func surveySource(ctx context.Context, source fsutil.FS, steps []buildpacks.Step, asked ...string) (survey, error) {
	var early []string
	for _, step := range steps {
		early = append(early, step.Inputs...)
	}
	manifests, err := patternmatcher.New(early)
	if err != nil {
		return survey{}, fmt.Errorf("read the inputs of the plan's steps: %w", err)
	}
	s := surveyor{source: source, sum: sha256.New(), manifests: manifests, found: survey{absent: map[string]bool{}}}
	for _, path := range asked {
		s.found.absent[path] = true
	}
	err = source.Walk(ctx, "", func(path string, e gofs.DirEntry, err error) error {
		if err == nil {
			err = s.visit(path, e)
		}
		return err
	})
	if err != nil {
		return survey{}, fmt.Errorf("read the source: %w", err)
	}
	s.found.digest = hex.EncodeToString(s.sum.Sum(nil))
	if s.found.manifests.IsZero() {
		s.found.manifests = s.found.newest
	}
	return s.found, nil
}

// surveyor reads one file after the other.
type surveyor struct {
	source    fsutil.FS
	sum       hash.Hash
	manifests *patternmatcher.PatternMatcher
	found     survey
}

func (s *surveyor) visit(path string, e gofs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	link := ""
	if stat, ok := info.Sys().(*types.Stat); ok {
		link = stat.Linkname
	}
	fmt.Fprintf(s.sum, "%q %s %q\n", path, info.Mode(), link)
	s.meet(path, info.IsDir())
	if !info.Mode().IsRegular() {
		return nil
	}
	fmt.Fprintf(s.sum, "%d bytes\n", info.Size()) // where its content ends
	early, err := s.manifests.MatchesOrParentMatches(path)
	if err != nil {
		return err
	}
	changed := info.ModTime().Truncate(time.Second).UTC()
	s.found.newest = later(s.found.newest, changed)
	if early {
		s.found.manifests = later(s.found.manifests, changed)
	}
	f, err := s.source.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(s.sum, f)
	return err
}

// meet notes what is there of what was asked for; a link or a file on the way to it is something, too.
func (s *surveyor) meet(path string, dir bool) {
	for asked := range s.found.absent {
		if path == asked || !dir && strings.HasPrefix(asked, path+"/") {
			delete(s.found.absent, asked)
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
