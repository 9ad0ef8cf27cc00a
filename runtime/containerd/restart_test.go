package containerd

import (
	"context"
	"errors"
	"testing"
	"time"

	"csph/platform"
)

func TestARestartedSphereletIsTheSameWithANewProcess(t *testing.T) {
	r := newRig(t)
	before := r.apply(r.set("dep_1"))[0]
	if err := r.eng.Restart(t.Context(), before.ID, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for s := range r.eng.Watch(ctx, "dep_1") {
		if s.State == platform.Running && s.Started.After(before.Started) {
			if s.ID != before.ID || s.Address != before.Address || s.Exits != 1 {
				t.Errorf("was %+v, is %+v", before, s)
			}
			break
		}
	}
	if ctx.Err() != nil {
		t.Fatal("it was not started again")
	}
	if err := r.eng.Restart(t.Context(), "sph_unknown", time.Second); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
}
