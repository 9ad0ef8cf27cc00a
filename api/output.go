package api

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"

	"csph/api/wire"
	"csph/logs"
)

// output yields what the spherelets of a deployment wrote, in order of time; with follow, then what
// each of them writes as it comes, spherelets that are started later included.
func (f logFiles) output(ctx context.Context, deployment string, q logQuery) iter.Seq2[wire.LogLine, error] {
	return func(yield func(wire.LogLine, error) bool) {
		var err error
		if q.follow {
			err = f.followOutput(ctx, deployment, q, yield)
		} else {
			_, err = f.readOutput(deployment, q, yield)
		}
		if err != nil && ctx.Err() == nil {
			yield(wire.LogLine{}, err)
		}
	}
}

// readOutput yields what is there now, and says for each spherelet where its log goes on; nil when the
// reader has stopped.
func (f logFiles) readOutput(deployment string, q logQuery, yield func(wire.LogLine, error) bool) (map[string]place, error) {
	lines, places, err := f.existing(deployment, q)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if !yield(l, nil) {
			return nil, nil
		}
	}
	return places, nil
}

// following is the followers of one deployment's spherelets.
type following struct {
	*funnel
	files      logFiles
	deployment string
	followed   map[string]bool
}

func (f logFiles) followOutput(ctx context.Context, deployment string, q logQuery, yield func(wire.LogLine, error) bool) error {
	watch, err := watchFolder(f.outputDir(deployment)) // before the first read, so that nothing falls in between
	if err != nil {
		return err
	}
	defer watch.Close()
	places, err := f.readOutput(deployment, q, yield)
	if err != nil || places == nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	g := &following{funnel: newFunnel(), files: f, deployment: deployment, followed: map[string]bool{}}
	defer g.wg.Wait()
	defer cancel()
	for spherelet, from := range places {
		g.follow(ctx, spherelet, from)
	}
	return g.run(ctx, watch, yield)
}

// run passes lines on, and follows spherelets whose log appears, until ctx ends.
func (g *following) run(ctx context.Context, watch *fsnotify.Watcher, yield func(wire.LogLine, error) bool) error {
	for {
		select {
		case l := <-g.out:
			if l.err != nil || !yield(l.line, nil) {
				return l.err
			}
		case e := <-watch.Events:
			if name, ok := strings.CutSuffix(filepath.Base(e.Name), logSuffix); ok {
				g.follow(ctx, name, place{})
			}
		case err := <-watch.Errors:
			return fmt.Errorf("watch the log folder: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
}

// follow starts the follower of one spherelet, once.
func (g *following) follow(ctx context.Context, spherelet string, from place) {
	if !g.followed[spherelet] {
		g.followed[spherelet] = true
		g.pour(ctx, g.files.follow(ctx, g.deployment, spherelet, from))
	}
}

// follow yields what a spherelet writes from a place on.
func (f logFiles) follow(ctx context.Context, deployment, spherelet string, from place) iter.Seq2[wire.LogLine, error] {
	path := filepath.Join(f.outputDir(deployment), spherelet+logSuffix)
	return func(yield func(wire.LogLine, error) bool) {
		skip := from.skip
		for l, err := range logs.Follow(ctx, path, logs.Query{Since: from.since}) {
			if err == nil && skip > 0 && l.Time.Equal(from.since) {
				skip--
				continue
			}
			if !yield(lineOf(l, deployment, spherelet), err) {
				return
			}
		}
	}
}

func watchFolder(dir string) (*fsnotify.Watcher, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the log folder: %w", err)
	}
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the log folder: %w", err)
	}
	if err := watch.Add(dir); err != nil {
		return nil, fmt.Errorf("watch the log folder: %w", errors.Join(err, watch.Close()))
	}
	return watch, nil
}
