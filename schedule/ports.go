package schedule

import (
	"context"
	"time"

	"csph/platform"
)

// Records keeps schedules and their runs. Every write is durable when it returns.
type Records interface {
	// DueTimers lists the schedules whose next planned time has come at the time at.
	DueTimers(ctx context.Context, at time.Time) ([]platform.Timer, error)
	// NextTimer is the next planned time of all schedules; zero when there is none.
	NextTimer(ctx context.Context) (time.Time, error)
	// ClaimRuns stores runs and moves the schedule's next time from t.Next to next, at once; claimed is false when
	// somebody else has.
	ClaimRuns(ctx context.Context, t platform.Timer, next time.Time, runs ...platform.Run) (stored []platform.Run, claimed bool, err error)
	// AddRun stores a run that was not planned.
	AddRun(ctx context.Context, r platform.Run) (platform.Run, error)
	// UpdateRun writes down what has become of a run.
	UpdateRun(ctx context.Context, r platform.Run) error
	// OpenRuns lists the runs that an earlier csphd has not seen the end of.
	OpenRuns(ctx context.Context) ([]platform.Run, error)
}

// Actions does what is planned.
type Actions interface {
	// Carry does what t plans and blocks until it has ended, or ctx. began is called with the run once there is
	// something to find it by after a crash: its deployment. What became of it is in the run that is returned;
	// an error means that it could not be started.
	Carry(ctx context.Context, t platform.Timer, r platform.Run, began func(platform.Run)) (platform.Run, error)
	// Await blocks until the deployment of a run that an earlier csphd has begun has ended.
	Await(ctx context.Context, r platform.Run) (platform.Run, error)
	// Over is told of every run that is over, whatever became of it.
	Over(ctx context.Context, r platform.Run)
}
