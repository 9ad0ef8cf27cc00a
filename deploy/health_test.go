package deploy

import (
	"testing"
	"time"

	"csph/platform"
)

func TestAPulseDisconnectsReconnectsAndRestarts(t *testing.T) {
	at := time.Unix(0, 0)
	p := pulse{Health: platform.Health{Failure: 60 * time.Second, Disconnect: 30 * time.Second, Recovery: 20 * time.Second}}
	for _, c := range []struct {
		second int
		ok     bool
		want   verdict
	}{
		{0, true, carryOn}, {10, false, carryOn}, {30, false, carryOn}, {35, true, carryOn}, // a success in between starts anew
		{40, false, carryOn}, {69, false, carryOn}, {70, false, disconnect}, {80, false, carryOn},
		{85, true, carryOn}, {100, true, carryOn}, {105, true, reconnect}, {110, true, carryOn},
		{120, false, carryOn}, {150, false, disconnect}, {160, true, carryOn}, {170, false, carryOn}, // not yet recovered
		{229, false, carryOn}, {230, false, restart},
	} {
		if got := p.beat(at.Add(time.Duration(c.second)*time.Second), c.ok); got != c.want {
			t.Errorf("second %d: verdict %d, want %d", c.second, got, c.want)
		}
	}
}

func TestAPulseThatIsToRestartSoonerThanDisconnectRestarts(t *testing.T) {
	p := pulse{Health: platform.Health{Failure: time.Second}.WithDefaults()}
	p.beat(time.Unix(0, 0), false)
	if got := p.beat(time.Unix(1, 0), false); got != restart {
		t.Errorf("verdict %d", got)
	}
}
