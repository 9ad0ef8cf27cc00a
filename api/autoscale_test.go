package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"csph/api/wire"
	"csph/platform"
)

func of[T any](v T) *T { return &v }

// autoscale changes how the count of the service web is decided.
func (w world) autoscale(t *testing.T, c wire.AutoscaleChange) (platform.Config, error) {
	t.Helper()
	out, err := w.Configure(t.Context(), "web", wire.ConfigChange{Autoscale: &c})
	return out.Service.Config, err
}

func TestAutoscalingIsChangedPieceByPieceAndTurnedOff(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	for _, step := range []struct {
		change wire.AutoscaleChange
		want   platform.Autoscale
		count  int
	}{
		{wire.AutoscaleChange{Max: of(5)}, platform.Autoscale{Min: 1, Max: 5, CPU: 70}, 1},
		{wire.AutoscaleChange{Min: of(2)}, platform.Autoscale{Min: 2, Max: 5, CPU: 70}, 2},
		{wire.AutoscaleChange{CPU: of(50)}, platform.Autoscale{Min: 2, Max: 5, CPU: 50}, 2},
		{wire.AutoscaleChange{Min: of(1), Max: of(1)}, platform.Autoscale{Min: 1, Max: 1, CPU: 50}, 1},
	} {
		c, err := w.autoscale(t, step.change)
		if err != nil || c.Autoscale == nil || *c.Autoscale != step.want || c.Count != step.count {
			t.Errorf("%+v makes %+v of %d spherelets, %v; want %+v", step.change, c.Autoscale, c.Count, err, step.want)
		}
	}
	if _, err := w.autoscale(t, wire.AutoscaleChange{Min: of(3)}); !errors.Is(err, platform.ErrInvalid) {
		t.Errorf("min over max: %v", err)
	}
	if c, err := w.autoscale(t, wire.AutoscaleChange{Off: true}); err != nil || c.Autoscale != nil || c.Count != 1 {
		t.Errorf("off: %+v, %v", c, err)
	}
	if _, err := w.autoscale(t, wire.AutoscaleChange{CPU: of(60)}); !errors.Is(err, platform.ErrInvalid) || !strings.Contains(err.Error(), "--max") {
		t.Errorf("without a most: %v", err)
	}
}

func TestTheCountOfAnAutoscaledServiceIsNotSetByHand(t *testing.T) {
	w := start(t)
	svc, err := w.CreateService(t.Context(), wire.NewService{Name: "web", ConfigChange: wire.ConfigChange{Autoscale: &wire.AutoscaleChange{Min: of(2), Max: of(4)}}})
	if err != nil || svc.Config.Count != 2 {
		t.Fatalf("%+v, %v", svc.Config, err)
	}
	byHand := func(n int) error {
		_, err := w.Configure(t.Context(), "web", wire.ConfigChange{Count: of(n)})
		return err
	}
	if err := byHand(3); !errors.Is(err, platform.ErrConflict) || !strings.Contains(err.Error(), "2 to 4 spherelets") || !strings.Contains(err.Error(), "--off") {
		t.Error(err)
	}
	if _, err := w.DeployImage(t.Context(), "web", wire.NewDeployment{Image: "nginx:1", Change: wire.ConfigChange{Count: of(3)}}); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("with a deployment: %v", err)
	}
	if err := byHand(2); err != nil {
		t.Errorf("the count that it has: %v", err)
	}
	out, err := w.Configure(t.Context(), "web", wire.ConfigChange{Count: of(9), Autoscale: &wire.AutoscaleChange{Off: true}})
	if err != nil || out.Service.Config.Count != 9 {
		t.Errorf("turned off with a count: %+v, %v", out.Service.Config, err)
	}
	if _, err := w.CreateService(t.Context(), wire.NewService{Name: "jobs", Type: platform.Cron, ConfigChange: wire.ConfigChange{Autoscale: &wire.AutoscaleChange{Max: of(2)}}}); !errors.Is(err, platform.ErrInvalid) {
		t.Errorf("a cron service: %v", err)
	}
}

func TestACountThatCPUUseHasChangedIsNoChangeOfWhatWasRead(t *testing.T) {
	w := start(t)
	svc := w.service(t, "web")
	if _, err := w.autoscale(t, wire.AutoscaleChange{Max: of(4)}); err != nil {
		t.Fatal(err)
	}
	tag := func() string {
		answer, _ := w.request(t, http.MethodGet, "/v1/services/web", w.Token, nil)
		return answer.Header.Get("ETag")
	}
	read := tag()
	if _, err := w.DB.UpdateService(t.Context(), svc.ID, func(s *platform.Service) error { s.Config.Count = 3; return nil }); err != nil {
		t.Fatal(err)
	}
	answer, text := w.request(t, http.MethodPatch, "/v1/services/web", w.Token, strings.NewReader(`{"port":3000}`), "Content-Type", "application/json", "If-Match", read)
	if answer.StatusCode != http.StatusOK || tag() == read {
		t.Errorf("status %d: %s", answer.StatusCode, text)
	}
	if answer, text = w.request(t, http.MethodPatch, "/v1/services/web", w.Token, strings.NewReader(`{"port":3001}`), "Content-Type", "application/json", "If-Match", read); answer.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("what somebody else has changed: status %d: %s", answer.StatusCode, text)
	}
}

func TestAServiceIsInARegionThatThereIs(t *testing.T) {
	w := start(t)
	if svc := w.service(t, "web"); svc.Region != "local" || svc.Config.Region != "" {
		t.Errorf("%+v", svc)
	}
	svc, err := w.CreateService(t.Context(), wire.NewService{Name: "api", ConfigChange: wire.ConfigChange{Region: of("local")}})
	if err != nil || svc.Region != "local" || svc.Config.Region != "local" {
		t.Errorf("%+v, %v", svc, err)
	}
	_, err = w.CreateService(t.Context(), wire.NewService{Name: "far", ConfigChange: wire.ConfigChange{Region: of("mars")}})
	if !errors.Is(err, platform.ErrInvalid) || !strings.Contains(err.Error(), "this server has local") {
		t.Error(err)
	}
}
