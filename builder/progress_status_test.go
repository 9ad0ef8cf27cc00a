package builder

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"csph/logs"
	"csph/platform"
)

func TestTheLogHoldsWhatTerminalsDrawWithoutSecretsAndOtherReadersDoNotSeeIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	open := newOpenLogs(func(string) string { return path })
	log, err := open.acquire("dep_1")
	must(t, err)
	log.hide(logs.NewMask("hunter2", "true")) // a secret may be a word of the form that it is written in
	p := newProgress(log)
	p.mask = logs.NewMask("hunter2", "true")
	status := make(chan *client.SolveStatus, 1)
	began, d := time.Now().UTC(), digest.FromString("a")
	s := &client.SolveStatus{
		Vertexes: []*client.Vertex{{Digest: d, Name: "fetch hunter2", Started: &began, Completed: &began, Cached: true, Error: "exit 1: hunter2"}},
		Statuses: []*client.VertexStatus{{ID: "hunter2.tar", Vertex: d, Current: 3, Total: 9, Started: &began}},
		Logs:     []*client.VertexLog{{Vertex: d, Stream: 1, Data: []byte("got hunter2\n")}},
	}
	for range 20 {
		s.Vertexes = append(s.Vertexes, &client.Vertex{Digest: digest.FromString("b"), Name: strings.Repeat("\x01", 10_000)})
	}
	status <- s
	close(status)
	p.follow(status)
	must(t, log.Close())

	var drawn platform.BuildProgress
	lines, err := logs.Read(path, logs.Query{Progress: true})
	must(t, err)
	id := stepID(d)
	for _, l := range lines {
		var some platform.BuildProgress
		switch {
		case l.Stream != logs.Progress && l.Step != id:
			t.Errorf("a line of no step: %+v", l)
		case l.Stream == logs.Progress:
			must(t, json.Unmarshal([]byte(l.Text), &some))
			drawn.Steps, drawn.Parts = append(drawn.Steps, some.Steps...), append(drawn.Parts, some.Parts...)
		}
		if strings.Contains(l.Text, "hunter2") {
			t.Errorf("a secret is in %q", l.Text)
		}
	}
	if len(drawn.Steps) != 21 || drawn.Steps[0].ID != id || drawn.Steps[0].Name != "fetch ***" || !drawn.Steps[0].Cached || drawn.Steps[0].Error != "exit 1: ***" {
		t.Errorf("terminals draw %+v", drawn.Steps)
	}
	if len(drawn.Parts) != 1 || drawn.Parts[0].Name != "***.tar" || drawn.Parts[0].Step != id || drawn.Parts[0].Total != 9 {
		t.Errorf("terminals draw %+v", drawn.Parts)
	}
	if text := readLog(t, path); text != "S fetch ***  cached\nO got ***\n" {
		t.Errorf("other readers see %q", text)
	}
}
