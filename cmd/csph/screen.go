package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/pflag"

	"csph/logs"
	"csph/platform"
	"csph/transcript"
)

// progressFlag says how the steps of a build are shown.
type progressFlag string

func (f *progressFlag) add(flags *pflag.FlagSet) {
	flags.StringVar((*string)(f), "progress", "auto", "how a build is shown: auto (drawn as BuildKit does, on a terminal) or plain (lines)")
}

// screens opens a screen for each build that is shown; nil where builds are shown as lines.
func (a *app) screens(ctx context.Context, f progressFlag) (func() transcript.Screen, error) {
	if f != "auto" && f != "plain" {
		return nil, usageError{fmt.Errorf("--progress %s is neither auto nor plain", f)}
	}
	file, ok := a.out.(*os.File)
	if !ok || f == "plain" || !a.terminal || a.structured() || a.env("TERM") == "dumb" {
		return nil, nil
	}
	return func() transcript.Screen { return openScreen(ctx, file) }, nil
}

// screen draws builds with BuildKit's own display.
type screen struct {
	statuses chan *client.SolveStatus
	drawn    chan struct{} // closed when the display has ended
}

// openScreen draws until the screen is closed or ctx ends.
func openScreen(ctx context.Context, file *os.File) *screen {
	s := &screen{statuses: make(chan *client.SolveStatus), drawn: make(chan struct{})}
	go func() {
		defer close(s.drawn)
		display, err := progressui.NewDisplay(file, progressui.AutoMode)
		if err == nil {
			_, err = display.UpdateFrom(ctx, s.statuses)
		}
		if err != nil {
			return // whoever ended it says why, and the build does not depend on it
		}
	}()
	return s
}

func (s *screen) Show(l logs.Line) {
	status := statusOf(l)
	if status == nil {
		return
	}
	select {
	case s.statuses <- status:
	case <-s.drawn:
	}
}

func (s *screen) Close() {
	close(s.statuses)
	<-s.drawn
}

// statusOf is a line of a build log as BuildKit's display takes it; nil for what the display says itself.
func statusOf(l logs.Line) *client.SolveStatus {
	switch l.Stream {
	case logs.Out, logs.Err:
		stream := 1
		if l.Stream == logs.Err {
			stream = 2
		}
		return &client.SolveStatus{Logs: []*client.VertexLog{{
			Vertex: vertex(l.Step), Stream: stream, Data: []byte(transcript.Harmless(l.Text) + "\n"), Timestamp: l.Time,
		}}}
	case logs.Progress:
		var p platform.BuildProgress
		if json.Unmarshal([]byte(l.Text), &p) == nil {
			return statusIn(p.Texts(transcript.Harmless))
		}
	}
	return nil
}

func statusIn(p platform.BuildProgress) *client.SolveStatus {
	status := &client.SolveStatus{}
	for _, s := range p.Steps {
		status.Vertexes = append(status.Vertexes, &client.Vertex{
			Digest: vertex(s.ID), Name: s.Name, Started: s.Started, Completed: s.Completed, Cached: s.Cached, Error: s.Error,
		})
	}
	for _, part := range p.Parts {
		status.Statuses = append(status.Statuses, &client.VertexStatus{
			ID: part.Name, Vertex: vertex(part.Step), Current: part.Current, Total: part.Total, Started: part.Started, Completed: part.Completed,
		})
	}
	return status
}

// vertex is a step's id in the form of BuildKit's.
func vertex(step string) digest.Digest { return digest.NewDigestFromEncoded(digest.SHA256, step) }
