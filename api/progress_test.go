package api_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"csph/api/client"
	"csph/logs"
)

// A secret may be a word that JSON is written in: only what people read of progress is masked.
func TestProgressOfABuildIsGivenToThoseWhoAskForItWithoutSecretsAndResumes(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	if _, err := w.SetSecrets(t.Context(), "web", map[string]string{"KEY": "hunter2-hunter2", "WORD": "steps"}); err != nil {
		t.Fatal(err)
	}
	d := w.live(t, "web")
	log, err := logs.Create(filepath.Join(w.LogDir(), "builds", d.ID+".log"), logs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(logs.Progress, `{"steps":[{"id":"a1","name":"fetch hunter2-hunter2 in steps"}]}`); err != nil {
		t.Fatal(err)
	}
	if err := log.AppendOf("a1", logs.Out, "fetched"); err != nil {
		t.Fatal(err)
	}
	if err := log.End(); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for l, err := range w.BuildLog(t.Context(), d.ID, client.LogQuery{Progress: true}) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, l.Stream+l.Step)
		if l.Progress != nil && (l.Progress.Steps[0].Name != "fetch *** in ***" || l.Progress.Steps[0].ID != "a1") {
			t.Errorf("progress is %+v", l.Progress)
		}
	}
	if want := []string{"step", "out", "progress", "outa1"}; !slices.Equal(kinds, want) {
		t.Errorf("the lines are %q, want %q", kinds, want)
	}
	for l, err := range w.BuildLog(t.Context(), d.ID, client.LogQuery{}) {
		if err != nil || l.Progress != nil || l.Stream == "progress" {
			t.Errorf("who did not ask gets %+v, %v", l, err)
		}
	}
	path := "/v1/deployments/" + d.ID + "/build-log?progress=true"
	lines := w.raw(t, path)
	before := await(t, lines, "id: ")
	for !strings.Contains(await(t, lines, "data: "), `"progress":{`) {
		before = await(t, lines, "id: ")
	}
	if got := await(t, w.raw(t, path, "Last-Event-ID", before), "data: "); !strings.Contains(got, `"text":"fetched"`) {
		t.Errorf("behind the progress comes %s", got)
	}
}
