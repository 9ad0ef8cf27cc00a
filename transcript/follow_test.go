package transcript

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"csph/logs"
	"csph/platform"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func after0(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// story is a Source of a deployment whose whole course is known. It follows: its sequences stay open
// until ctx ends, the log's until its End line.
type story struct {
	deployment platform.Deployment
	events     []platform.Event
	log        []logs.Line
	eventsErr  error
	logErr     error
}

func (s story) Deployment(context.Context, string) (platform.Deployment, error) {
	return s.deployment, nil
}

func (s story) DeploymentEvents(ctx context.Context, _ string, after int64) iter.Seq2[platform.Event, error] {
	return func(yield func(platform.Event, error) bool) {
		for i, e := range s.events {
			if e.Seq = int64(i + 1); e.Seq > after && !yield(e, nil) {
				return
			}
		}
		if s.eventsErr != nil {
			yield(platform.Event{}, s.eventsErr)
			return
		}
		<-ctx.Done()
	}
}

func (s story) BuildLog(ctx context.Context, _ string) iter.Seq2[logs.Line, error] {
	return func(yield func(logs.Line, error) bool) {
		for _, l := range s.log {
			if !yield(l, nil) || l.Stream == logs.End {
				return
			}
		}
		if s.logErr != nil {
			yield(logs.Line{}, s.logErr)
			return
		}
		<-ctx.Done()
	}
}

func deployment(status platform.Status, settledAt float64) platform.Deployment {
	return platform.Deployment{
		ID: "dep_01jq8z3m5kfx9a7t2v4w6y8b0c", Name: "web", Status: status, Created: start,
		Trigger: platform.Trigger{Kind: "push", Actor: "laptop"},
		Source: platform.Source{Kind: platform.FromGit, Revision: "3f2a9c1d5e6b7a8c9d0e1f2a3b4c5d6e7f809a1b",
			Branch: "main", Subject: "Say hello"},
		Config:  platform.Config{Shape: "FLX", Count: 2},
		History: []platform.Phase{{Status: platform.Queued, At: start}, {Status: status, At: after0(settledAt)}},
	}
}

func event(at float64, kind, status, message string) platform.Event {
	return platform.Event{Time: after0(at), Kind: kind, Status: status, Message: message}
}

func of(sph string, e platform.Event) platform.Event {
	e.Spherelet = sph
	return e
}

func line(at float64, s logs.Stream, text string) logs.Line {
	return logs.Line{Time: after0(at), Stream: s, Text: text}
}

var buildLog = []logs.Line{
	line(0.1, logs.Step, "Go 1.26: go.mod says go 1.26"),
	line(0.1, logs.Step, "install dependencies"),
	line(0.2, logs.Err, "go: downloading github.com/rs/xid v1.6.0"),
	line(0.4, logs.Step, "compile"),
	line(1.2, logs.Out, "\x1b[32mok\x1b[0m  \x1b]0;owned\x07progress  10%\rprogress 100%"),
	line(1.3, logs.Out, strings.Repeat("a long line of words ", 12)),
	line(1.3, logs.Out, strings.Repeat("x", 2000)),
	line(1.8, logs.End, ""),
}

func live() story {
	d := deployment(platform.Live, 2.4)
	d.URL = "http://web.localhost:8080"
	return story{deployment: d, log: buildLog, events: []platform.Event{
		event(0, platform.EventAccepted, "", "accepted"),
		event(0.1, platform.EventStatus, "building", ""),
		event(0.1, platform.EventBuild, "RUNNING", ""),
		event(1.8, platform.EventBuild, "FINISHED", "built in 1.7s"),
		event(1.9, platform.EventStarting, "", "starting 2 × FLX (0.25 vCPU, 512 MB)"),
		of("sph_1", event(2.1, platform.EventRunning, "", "")),
		of("sph_2", event(2.2, platform.EventHealthy, "", "sph_2 is healthy after 210ms (GET /healthz has no route)")),
		of("sph_1", event(2.3, platform.EventHealthy, "", "")),
		event(2.3, platform.EventVersion, "ACTIVE", "version dep_1 is active"),
		event(2.4, platform.EventLive, "", ""),
	}}
}

func unhealthy() story {
	d := deployment(platform.Failed, 9)
	d.Reason = platform.HealthCheckFailed
	d.Message = "Spherelet sph_1 did not become healthy in 5 s: GET /healthz answered 500."
	d.Hint = "look at csph logs --deployment " + d.ID + ", repair the route, and push again."
	d.Tail = []string{"listening on :8080", "\x1b[31mpanic: no database\x1b[0m"}
	return story{deployment: d, log: buildLog[:1], events: []platform.Event{
		event(0.1, platform.EventBuild, "RUNNING", ""),
		event(0.2, platform.EventBuild, "FINISHED", ""),
		event(0.3, platform.EventStarting, "", ""),
		of("sph_1", event(3, platform.EventUnhealthy, "", "sph_1 is not healthy after 2.7s: GET /healthz answered 500")),
		of("sph_1", event(4, platform.EventOutOfMemory, "", "")),
		event(9, platform.EventFailed, "", ""),
	}}
}

func image() story {
	d := deployment(platform.Live, 1.4)
	d.Source = platform.Source{Kind: platform.FromImage, Image: "nginx:1.29"}
	d.Trigger, d.Config.Count = platform.Trigger{Kind: "deploy", Actor: "admin"}, 1
	d.URL = "http://web.localhost"
	return story{deployment: d, logErr: platform.ErrNotFound, events: []platform.Event{
		event(0.1, platform.EventPullingImage, "", ""),
		event(1.0, platform.EventImagePulled, "", "Pulled docker.io/library/nginx:1.29 (41 MB)"),
		event(1.0, platform.EventRelease, "", ""),
		event(1.1, platform.EventStarting, "", ""),
		event(1.3, platform.EventHealthy, "", ""),
		event(1.4, platform.EventLive, "", ""),
	}}
}

func ended(status platform.Status, kind string) story {
	d := deployment(status, 0.7)
	d.Trigger = platform.Trigger{Kind: "rollback", Actor: "admin"}
	d.Source = platform.Source{Kind: platform.FromDeployment, Deployment: "dep_before"}
	return story{deployment: d, events: []platform.Event{event(0.7, kind, "", "")}}
}

func TestTranscripts(t *testing.T) {
	for name, s := range map[string]story{
		"live": live(), "unhealthy": unhealthy(), "image": image(),
		"canceled":   ended(platform.Canceled, platform.EventCanceled),
		"superseded": ended(platform.Superseded, platform.EventSuperseded),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				err := Follow(t.Context(), s, s.deployment.ID, &out)
				outcome(t, s.deployment, err)
				golden(t, name+".txt", out.Bytes())
				for row := range strings.Lines(out.String()) {
					if n := utf8.RuneCountInString(strings.TrimSuffix(row, "\n")); n > DefaultWidth {
						t.Errorf("row of %d columns: %q", n, row)
					}
				}
			})
		})
	}
}

func outcome(t *testing.T, d platform.Deployment, err error) {
	t.Helper()
	var settled *SettledError
	switch {
	case d.Status == platform.Live && err != nil:
		t.Fatalf("a live deployment gives %v", err)
	case d.Status != platform.Live && !errors.As(err, &settled):
		t.Fatalf("a deployment that is %s gives %v", d.Status, err)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s:\n%s", path, got)
	}
}

func TestColoursAreOnlyWrittenWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var without, with bytes.Buffer
		s := live()
		if err := Follow(t.Context(), s, "", &without); err != nil {
			t.Fatal(err)
		}
		if err := (Format{Colour: true}).Follow(t.Context(), s, "", &with); err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsRune(without.Bytes(), 0x1b) {
			t.Error("escape sequences in plain text")
		}
		if !bytes.Contains(with.Bytes(), []byte("\x1b[32mLive\x1b[0m")) {
			t.Errorf("no colour in:\n%q", with.String())
		}
	})
}

func TestADeploymentThatSettledWithoutItsLastEventIsToldFromItsRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := live()
		s.events, s.log = s.events[:3], s.log[:3]
		var out bytes.Buffer
		if err := Follow(t.Context(), s, "", &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "web is live at") {
			t.Errorf("no end in:\n%s", out.String())
		}
	})
}

func TestAReasonOfSeveralLinesIsToldWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := unhealthy()
		s.deployment.Message = "cannot tell how to build this\n  looked for: " + strings.Repeat("go.mod, ", 200) + "\nOne way on:\n  1. add a Dockerfile"
		var out bytes.Buffer
		_ = Follow(t.Context(), s, "", &out) // it failed
		for _, want := range []string{"\ncannot tell how to build this\n  looked for: go.mod,", "more characters]\nOne way on:\n  1. add a Dockerfile\n"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in:\n%s", want, out.String())
			}
		}
	})
}

func TestABuildLogLeftOpenDoesNotHoldTheRolloutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := live()
		s.log = s.log[:3]
		var out bytes.Buffer
		if err := Follow(t.Context(), s, "", &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "Starting 2 × FLX") {
			t.Errorf("no rollout in:\n%s", out.String())
		}
	})
}

func TestAFollowerLearnsThatItsSourceFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("connection reset")
		s := live()
		s.deployment.Status, s.events, s.eventsErr = platform.Building, s.events[:3], broken
		err := Follow(t.Context(), s, "", &bytes.Buffer{})
		if !errors.Is(err, broken) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestAFollowerThatGoesAwayStopsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := live()
		s.deployment.Status, s.events = platform.Building, s.events[:3]
		if err := Follow(ctx, s, "", &bytes.Buffer{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	})
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestAWriterThatFailsEndsTheTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := live()
		s.deployment.Status = platform.Building
		if err := Follow(t.Context(), s, "", fullDisk{}); !errors.Is(err, os.ErrClosed) {
			t.Fatalf("got %v", err)
		}
	})
}
