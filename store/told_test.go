package store

import (
	"context"
	"testing"
	"time"

	"csph/platform"
)

func TestAMoveAndItsEventsAreWrittenTogetherOrNotAtAll(t *testing.T) {
	db, svc := started(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	waiting := make(chan platform.Event, 8)
	go func() {
		defer close(waiting)
		for e, err := range db.Subscribe(ctx, Filter{Service: svc.ID, Live: true}) {
			if err != nil {
				return
			}
			waiting <- e
		}
	}()
	d, err := db.CreateDeployment(ctx, platform.Deployment{Service: svc.ID}, platform.Event{Kind: platform.EventAccepted})
	must(t, err)
	if e := <-waiting; e.Kind != platform.EventAccepted || e.Deployment != d.ID || e.Service != svc.ID || e.Time.IsZero() {
		t.Errorf("a subscriber is told %+v of %s", e, d.ID)
	}
	_, err = db.Advance(ctx, d.ID, platform.Queued, platform.StartBuild, nil, platform.Event{Kind: platform.EventStatus}, platform.Event{})
	if err == nil {
		t.Fatal("an event without a kind was published")
	}
	if d, err = db.Deployment(ctx, d.ID); err != nil || d.Status != platform.Queued {
		t.Errorf("a move whose event was refused has left it %s, %v", d.Status, err)
	}
	events, err := db.Events(ctx, Filter{Deployment: d.ID}, 0)
	must(t, err)
	if len(events) != 1 {
		t.Errorf("a move that was not made is told of: %+v", events)
	}
}
