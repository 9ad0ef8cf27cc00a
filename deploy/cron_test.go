package deploy_test

import (
	"testing"

	"csph/deploy"
	"csph/platform"
)

// turnCron makes the world's service one that has no spherelets.
func (w *world) turnCron() {
	w.t.Helper()
	svc, err := w.db.UpdateService(w.t.Context(), w.svc.ID, func(s *platform.Service) error { s.Type = platform.Cron; return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	w.svc = svc
}

func TestACronServiceGoesLiveWithoutSphereletsAndRoutes(t *testing.T) {
	w := newWorld(t)
	w.turnCron()
	first := w.mustPush("one", platform.Live)
	second := w.mustPush("two", platform.Live)
	if len(w.engine.applied) > 0 {
		t.Errorf("spherelets were started: %+v", w.engine.applied)
	}
	if before, err := w.db.Deployment(t.Context(), first.ID); err != nil || before.Status != platform.Retired {
		t.Errorf("the one before is %s, %v", before.Status, err)
	}
	if svc := w.service(); svc.Live != second.ID {
		t.Errorf("live is %s", svc.Live)
	}
	if !w.configure(func(c *platform.Config) { c.Count = 3 }) {
		t.Error("a change of the count was taken for scaling")
	}
	w.until("the change is live", func() bool { return w.service().Live != second.ID })
	w.Close()
	w.boot()
	if len(w.engine.applied) > 0 {
		t.Errorf("a restart started spherelets: %+v", w.engine.applied)
	}
	if err := w.Suspend(t.Context(), w.svc.ID); err != nil {
		t.Errorf("suspend: %v", err)
	}
}

func TestAOneOffWithoutACommandRunsWhatTheServiceDoes(t *testing.T) {
	w := newWorld(t)
	w.turnCron()
	d, err := w.Deploy(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("one"), Change: func(c *platform.Config) error { c.Run = "./report --all"; return nil }})
	if err != nil || d.Status != platform.Live {
		t.Fatalf("%+v, %v", d, err)
	}
	w.engine.once = 3
	exit, err := w.RunOnce(t.Context(), w.svc.ID, nil, &openLog{builder: w.builder})
	if err != nil || exit != 3 {
		t.Fatalf("exit %d, %v", exit, err)
	}
	if got := w.engine.onceRan; len(got) != 3 || got[2] != "exec ./report --all" {
		t.Errorf("it ran %q", got)
	}
}
