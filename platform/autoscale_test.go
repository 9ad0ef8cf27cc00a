package platform_test

import (
	"errors"
	"testing"

	"csph/platform"
)

func TestAutoscalingWithoutSenseIsRefused(t *testing.T) {
	for _, good := range []platform.Autoscale{{Min: 1, Max: 1, CPU: 1}, {Min: 1, Max: 100, CPU: 90}, {Min: 3, Max: 7, CPU: 50}} {
		if err := good.Check(); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
	for _, bad := range []platform.Autoscale{{}, {Min: 0, Max: 1, CPU: 50}, {Min: 3, Max: 2, CPU: 50}, {Min: 1, Max: 101, CPU: 50}, {Min: 1, Max: 2, CPU: 0}, {Min: 1, Max: 2, CPU: 91}} {
		if err := bad.Check(); !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestCountsAreKeptWithinTheBounds(t *testing.T) {
	a := platform.Autoscale{Min: 2, Max: 5, CPU: 70}
	for count, want := range map[int]int{0: 2, 2: 2, 4: 4, 5: 5, 9: 5} {
		if got := a.Within(count); got != want {
			t.Errorf("%d becomes %d, want %d", count, got, want)
		}
	}
}
