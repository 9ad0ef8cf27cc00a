package apitest

import (
	"context"
	"fmt"
	"time"

	"csph/platform"
)

// Plan implements api.Schedules: everything but "never" is next in an hour.
func (s *Server) Plan(t platform.Timer) (platform.Timer, error) {
	if t.Cron == "never" {
		return t, fmt.Errorf("%w: %q is no schedule", platform.ErrInvalid, t.Cron)
	}
	t.Next = time.Now().Add(time.Hour)
	return t, nil
}

// Planned implements api.Schedules.
func (s *Server) Planned() {}

// Remove implements api.Schedules.
func (s *Server) Remove(ctx context.Context, t platform.Timer) error {
	return s.DB.DeleteTimer(ctx, t.ID)
}

// RunNow implements api.Schedules: the run has ended at once.
func (s *Server) RunNow(ctx context.Context, t platform.Timer) (platform.Run, error) {
	exit, now := 0, time.Now()
	return s.DB.AddRun(ctx, platform.Run{Schedule: t.ID, Service: t.Service, Planned: now, Started: now, Ended: now, Status: platform.RunSucceeded, Exit: &exit, Manual: true})
}
