package transcript

import (
	"bytes"
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"csph/logs"
	"csph/platform"
)

// slowLog is a story whose log takes a moment for each line, as one that is being written does.
type slowLog struct{ story }

func (s slowLog) BuildLog(ctx context.Context, id string) iter.Seq2[logs.Line, error] {
	return func(yield func(logs.Line, error) bool) {
		for l, err := range s.story.BuildLog(ctx, id) {
			time.Sleep(time.Millisecond) // of the bubble
			if !yield(l, err) {
				return
			}
		}
	}
}

func TestTheEndOfTheBuildIsToldBeforeTheReleaseCommandsOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := live()
		s.log = []logs.Line{
			line(0.4, logs.Step, "compile"), line(1.86, logs.Step, "release command: ./migrate"), line(1.9, logs.Out, "migrated"), line(1.9, logs.End, ""),
		}
		s.events = []platform.Event{
			event(0.1, platform.EventBuild, "RUNNING", ""), event(1.8, platform.EventBuild, "FINISHED", "built in 1.7s"),
			event(1.95, platform.EventStarting, "", "starting"), event(2.4, platform.EventLive, "", ""),
		}
		var out bytes.Buffer
		if err := Follow(t.Context(), slowLog{s}, "", &out); err != nil {
			t.Fatal(err)
		}
		last := 0
		for _, want := range []string{"compile", "Built in", "release command", "migrated", "Starting"} {
			at := strings.Index(out.String(), want)
			if at < last {
				t.Fatalf("%q is not told in its place:\n%s", want, out.String())
			}
			last = at
		}
	})
}
