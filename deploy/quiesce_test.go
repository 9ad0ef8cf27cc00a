package deploy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"csph/deploy"
	"csph/platform"
)

func TestQuiesceWaitsForWhatIsUnderWayThenTakesNothingNew(t *testing.T) {
	w := newWorld(t)
	hold := make(chan struct{})
	w.builder.set(func(b *fakeBuilder) { b.hold = hold })
	d, err := w.Start(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r1")})
	if err != nil {
		t.Fatal(err)
	}
	<-w.builder.started
	quiet := make(chan error, 1)
	go func() { quiet <- w.Quiesce(t.Context()) }()
	select {
	case err := <-quiet:
		t.Fatalf("quiet during a build: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(hold)
	if err := <-quiet; err != nil {
		t.Fatal(err)
	}
	if d, err = w.db.Deployment(t.Context(), d.ID); err != nil || d.Status != platform.Live {
		t.Errorf("the deployment that was waited for is %s (%v)", d.Status, err)
	}
	if _, err := w.push("r2"); err == nil || !strings.Contains(err.Error(), "try again") {
		t.Errorf("a push while quiet: %v", err)
	}
}

func TestQuiesceThatIsGivenUpNamesWhatIsUnderWayAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	hold := make(chan struct{})
	w.builder.set(func(b *fakeBuilder) { b.hold = hold })
	d, err := w.Start(t.Context(), deploy.Request{Service: w.svc.ID, Source: source("r1")})
	if err != nil {
		t.Fatal(err)
	}
	<-w.builder.started
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := w.Quiesce(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "web "+d.ID) {
		t.Errorf("given up with %v", err)
	}
	close(hold)
	if d, err = w.Wait(t.Context(), d.ID); err != nil || d.Status != platform.Live {
		t.Errorf("it ended %s (%v)", d.Status, err)
	}
	w.mustPush("r2", platform.Live)
}
