package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"csph/api/wire"
	"csph/logs"
	"csph/platform"
)

// logFiles reads the log files under dir.
type logFiles struct{ dir string }

const logSuffix = ".log"

func (f logFiles) buildPath(deployment string) string {
	return filepath.Join(f.dir, "builds", deployment+logSuffix)
}

func (f logFiles) outputDir(deployment string) string {
	return filepath.Join(f.dir, "spherelets", deployment)
}

// build yields the lines of a build log.
func (f logFiles) build(ctx context.Context, deployment string, q logQuery) iter.Seq2[wire.LogLine, error] {
	return func(yield func(wire.LogLine, error) bool) {
		for l, err := range f.buildLines(ctx, deployment, q) {
			if !yield(lineOf(l, deployment, ""), err) || err != nil {
				return
			}
		}
	}
}

func (f logFiles) buildLines(ctx context.Context, deployment string, q logQuery) iter.Seq2[logs.Line, error] {
	path, query := f.buildPath(deployment), logs.Query{Tail: q.tail, Since: q.since, Progress: q.progress}
	if !q.follow {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return failing(fmt.Errorf("%w: %s has no build log", platform.ErrNotFound, deployment))
		}
	}
	return followOrRead(ctx, path, query, q.follow)
}

// failing yields an error and nothing else.
func failing(err error) iter.Seq2[logs.Line, error] {
	return func(yield func(logs.Line, error) bool) { yield(logs.Line{}, err) }
}

// followOrRead yields the lines of a log; of one that is not there, none.
func followOrRead(ctx context.Context, path string, query logs.Query, follow bool) iter.Seq2[logs.Line, error] {
	if follow {
		return logs.Follow(ctx, path, query)
	}
	lines, err := logs.Read(path, query)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return func(yield func(logs.Line, error) bool) {
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
		if err != nil {
			yield(logs.Line{}, err)
		}
	}
}

// place is where in a log a follower goes on: behind the first skip lines of the time since.
type place struct {
	since time.Time
	skip  int
}

// existing returns what the spherelets of a deployment have written so far, in order of time, and
// where each of their logs goes on.
func (f logFiles) existing(deployment string, q logQuery) ([]wire.LogLine, map[string]place, error) {
	names, err := f.spherelets(deployment)
	if err != nil {
		return nil, nil, err
	}
	var all []wire.LogLine
	places := map[string]place{}
	for _, spherelet := range names {
		lines, err := f.read(deployment, spherelet, q)
		if err != nil {
			return nil, nil, err
		}
		places[spherelet] = behind(lines, q.since)
		for _, l := range lines {
			all = append(all, lineOf(l, deployment, spherelet))
		}
	}
	slices.SortStableFunc(all, func(a, b wire.LogLine) int { return a.Time.Compare(b.Time) })
	if q.tail > 0 && len(all) > q.tail {
		all = all[len(all)-q.tail:]
	}
	return all, places, nil
}

// sameTime is how many lines of one microsecond are reckoned with.
const sameTime = 1024

// read returns the lines of one spherelet, and, where only some are wanted, enough of those before for
// the place behind them to be exact.
func (f logFiles) read(deployment, spherelet string, q logQuery) ([]logs.Line, error) {
	query := logs.Query{Since: q.since}
	if q.tail > 0 {
		query.Tail = q.tail + sameTime
	}
	lines, err := logs.Read(filepath.Join(f.outputDir(deployment), spherelet+logSuffix), query)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read log of %s: %w", spherelet, err)
	}
	return lines, nil
}

// behind is the place behind lines, which were selected from since on.
func behind(lines []logs.Line, since time.Time) place {
	p := place{since: since}
	for i := len(lines) - 1; i >= 0; i-- {
		if p.skip == 0 {
			p.since = lines[i].Time
		}
		if !lines[i].Time.Equal(p.since) {
			break
		}
		p.skip++
	}
	return p
}

// spherelets lists the spherelets of a deployment that have a log.
func (f logFiles) spherelets(deployment string) ([]string, error) {
	entries, err := os.ReadDir(f.outputDir(deployment))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), logSuffix); ok && !e.IsDir() {
			names = append(names, name)
		}
	}
	return names, nil
}

func lineOf(l logs.Line, deployment, spherelet string) wire.LogLine {
	line := wire.LogLine{Time: l.Time.UTC(), Stream: wire.StreamName(l.Stream), Text: l.Text, Step: l.Step, Deployment: deployment, Spherelet: spherelet}
	if l.Stream == logs.Progress {
		line.Text, line.Progress = "", progressIn(l.Text)
	}
	return line
}

// progressIn decodes a line of progress; one that was torn tells nothing.
func progressIn(text string) *platform.BuildProgress {
	var p platform.BuildProgress
	if json.Unmarshal([]byte(text), &p) != nil {
		return &platform.BuildProgress{}
	}
	return &p
}
