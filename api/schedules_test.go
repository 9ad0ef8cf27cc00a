package api_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"csph/api/client"
	"csph/api/wire"
	"csph/logs"
	"csph/platform"
)

func TestAScheduleSaysWhatItDoesOrIsRefused(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	for want, n := range map[string]wire.NewSchedule{
		"make two for both":        {Cron: "@daily", Deploy: true, Command: []string{"true"}},
		"say what is to be done":   {Cron: "@daily"},
		`"never" is no schedule`:   {Cron: "never", Deploy: true},
		"body.overlap: expected v": {Cron: "@daily", Deploy: true, Overlap: "sometimes"},
	} {
		if _, err := w.AddSchedule(t.Context(), "web", n); !errors.Is(err, platform.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", n, err)
		}
	}
	made, err := w.AddSchedule(t.Context(), "web", wire.NewSchedule{Cron: "@daily", Zone: "Europe/Berlin", Command: []string{"./cleanup", "--all"}})
	if err != nil || made.Overlap != platform.OverlapSkip || made.Next.IsZero() || made.By == "" {
		t.Fatalf("%+v, %v", made, err)
	}
	all, err := w.Schedules(t.Context(), "web")
	if err != nil || len(all) != 1 || all[0].ID != made.ID || len(all[0].Command) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := w.CreateService(t.Context(), wire.NewService{Name: "report", Type: platform.Cron}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddSchedule(t.Context(), "report", wire.NewSchedule{Cron: "@daily"}); err != nil {
		t.Errorf("a cron service without a command: %v", err)
	}
}

func TestARunIsListedAndItsLogIsRead(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	made, err := w.AddSchedule(t.Context(), "web", wire.NewSchedule{Cron: "@daily", Command: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	run, err := w.RunSchedule(t.Context(), made.ID)
	if err != nil || !run.Manual {
		t.Fatalf("%+v, %v", run, err)
	}
	log, err := logs.Create(filepath.Join(w.LogDir(), "runs", run.ID+".log"), logs.Options{})
	if err == nil {
		err = errors.Join(log.Append(logs.Out, "swept"), log.End())
	}
	if err != nil {
		t.Fatal(err)
	}
	runs, err := w.Runs(t.Context(), "web", made.ID, 10)
	if err != nil || len(runs) != 1 || runs[0].ID != run.ID || *runs[0].Exit != 0 {
		t.Errorf("%+v, %v", runs, err)
	}
	if one, err := w.Run(t.Context(), run.ID); err != nil || one.Status != platform.RunSucceeded {
		t.Errorf("%+v, %v", one, err)
	}
	for _, follow := range []bool{false, true} {
		var text []string
		for l, err := range w.RunLog(t.Context(), run.ID, client.LogQuery{Follow: follow}) {
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, l.Text)
		}
		if strings.Join(text, "|") != "swept" {
			t.Errorf("follow %v: %q", follow, text)
		}
	}
	if err := w.RemoveSchedule(t.Context(), made.ID); err != nil {
		t.Error(err)
	}
	if _, err := w.Run(t.Context(), run.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("a run of a schedule that is gone: %v", err)
	}
}
