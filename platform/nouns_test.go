package platform_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"csph/platform"
)

func TestThePortIsTheConfiguredElseTheImagesElse8080(t *testing.T) {
	for _, c := range []struct{ config, image, want int }{
		{0, 0, 8080}, {0, 80, 80}, {3000, 0, 3000}, {3000, 80, 3000},
	} {
		d := platform.Deployment{Config: platform.Config{Port: c.config}, Image: platform.Image{Port: c.image}}
		if got := d.Port(); got != c.want {
			t.Errorf("configured %d, image %d: port %d; want %d", c.config, c.image, got, c.want)
		}
	}
}

func TestAFailureIsItsMessageAndKeepsItsCause(t *testing.T) {
	cause := errors.New("exit status 2")
	var err error = &platform.Failure{Reason: platform.BuildFailed, Message: "the build failed", Err: cause}
	if err.Error() != "the build failed" {
		t.Errorf("text is %q", err)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if errors.Unwrap(&platform.Failure{Message: "m"}) != nil {
		t.Error("a failure without a cause has one")
	}
}

func TestAnEventSettlesADeploymentWhenItIsTheLastOfItsRollout(t *testing.T) {
	last := map[string]bool{"live": true, "failed": true, "canceled": true, "superseded": true}
	for _, kind := range []string{
		platform.EventAccepted, platform.EventBuild, platform.EventPullingImage, platform.EventImagePulled, platform.EventRelease,
		platform.EventStarting, platform.EventRunning, platform.EventUnhealthy, platform.EventHealthy, platform.EventCrashLooping,
		platform.EventExited, platform.EventOutOfMemory, platform.EventVersion, platform.EventLive, platform.EventDraining,
		platform.EventDrained, platform.EventRetired, platform.EventFailed, platform.EventCanceled, platform.EventSuperseded,
		platform.EventStatus, "", "unknown",
	} {
		if got := (platform.Event{Kind: kind}).Settles(); got != last[kind] {
			t.Errorf("%q settles: %v", kind, got)
		}
	}
}

func TestReasonsAndStatusesAreWrittenAsPromised(t *testing.T) {
	text, err := json.Marshal([]any{
		platform.BuildFailed, platform.BuildTimeout, platform.ImagePullFailed, platform.StartFailed, platform.HealthCheckFailed,
		platform.OutOfMemory, platform.CapacityExceeded, platform.ReleaseCommandFailed, platform.Internal, platform.Statuses(),
	})
	if err != nil {
		t.Fatal(err)
	}
	// SPEC section 2.
	const want = `["build_failed","build_timeout","image_pull_failed","start_failed","health_check_failed",` +
		`"out_of_memory","capacity_exceeded","release_command_failed","internal",` +
		`["queued","building","rolling_out","health_check","live","retired","failed","canceled","superseded"]]`
	if string(text) != want {
		t.Errorf("written as %s; want %s", text, want)
	}
}

func TestADeploymentWithoutAnImageOrAReasonDoesNotShowThem(t *testing.T) {
	text, err := json.Marshal(platform.Deployment{ID: "dep_x", Status: platform.Queued})
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{`"image"`, `"reason"`, `"hint"`, `"tail"`} {
		if strings.Contains(string(text), absent) {
			t.Errorf("%s has %s", text, absent)
		}
	}
	for _, present := range []string{`"id":"dep_x"`, `"status":"queued"`, `"history"`, `"config"`} {
		if !strings.Contains(string(text), present) {
			t.Errorf("%s has no %s", text, present)
		}
	}
}
