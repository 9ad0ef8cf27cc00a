package builder

import (
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"csph/platform"
)

// progressOf is what BuildKit tells of steps, without their output, which the log has by itself.
func progressOf(status *client.SolveStatus) platform.BuildProgress {
	var p platform.BuildProgress
	for _, v := range status.Vertexes {
		p.Steps = append(p.Steps, platform.BuildStep{
			ID: stepID(v.Digest), Name: v.Name, Started: v.Started, Completed: v.Completed, Cached: v.Cached, Error: v.Error,
		})
	}
	for _, s := range status.Statuses {
		p.Parts = append(p.Parts, platform.BuildPart{
			Step: stepID(s.Vertex), Name: s.ID, Current: s.Current, Total: s.Total, Started: s.Started, Completed: s.Completed,
		})
	}
	return p
}

// stepID is a step's name in the log, unlike that of any other step of the build.
func stepID(d digest.Digest) string {
	const enough = 16
	_, text, _ := strings.Cut(d.String(), ":")
	return text[:min(len(text), enough)]
}
