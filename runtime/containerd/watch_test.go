package containerd

import (
	"context"
	"fmt"
	"testing"

	"csph/platform"
)

func TestAWatcherSeesTheFullStateFirstThenChanges(t *testing.T) {
	h := newHub()
	for _, id := range []string{"sph_2", "sph_1"} {
		h.publish(platform.Spherelet{ID: id, Deployment: "dep_1", State: platform.Running})
	}
	h.publish(platform.Spherelet{ID: "sph_3", Deployment: "dep_2", State: platform.Running})
	ctx, cancel := context.WithCancel(t.Context())
	seen := h.watch(ctx, "dep_1")
	for _, want := range []string{"sph_1", "sph_2"} {
		if s := <-seen; s.ID != want {
			t.Errorf("saw %s, want %s", s.ID, want)
		}
	}
	h.publish(platform.Spherelet{ID: "sph_3", Deployment: "dep_2", State: platform.BackOff})
	h.publish(platform.Spherelet{ID: "sph_1", Deployment: "dep_1", State: platform.BackOff})
	if s := <-seen; s.ID != "sph_1" || s.State != platform.BackOff {
		t.Errorf("saw %+v", s)
	}
	cancel()
	if s, open := <-seen; open {
		t.Errorf("after the end of its context the watcher saw %+v", s)
	}
}

func TestASlowWatcherMissesNothingButWhatIsOutdated(t *testing.T) {
	h := newHub()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := h.watch(ctx, "")
	const changes = 1000
	for n := range changes {
		for _, id := range []string{"sph_1", "sph_2"} {
			h.publish(platform.Spherelet{ID: id, Exits: n + 1})
		}
	}
	h.publish(platform.Spherelet{ID: "sph_1", State: platform.Gone, Exits: changes})
	last := map[string]platform.Spherelet{}
	got := 0
	for last["sph_1"].State != platform.Gone || last["sph_2"].Exits != changes {
		s := <-seen
		if s.Exits < last[s.ID].Exits {
			t.Fatalf("%s went back from %d to %d", s.ID, last[s.ID].Exits, s.Exits)
		}
		last[s.ID] = s
		got++
	}
	if got > 10 {
		t.Errorf("a reader that came late was shown %d states of two spherelets", got)
	}
	if left := fmt.Sprint(h.list("")); left != fmt.Sprint([]platform.Spherelet{last["sph_2"]}) {
		t.Errorf("the hub knows %s", left)
	}
}
