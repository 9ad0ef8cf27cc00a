package autoscale

import (
	"context"
	"time"

	"csph/platform"
)

// Subject is a service whose count is the autoscaler's, as it is now.
type Subject struct {
	Service    string
	Deployment string // that is live
	Policy     platform.Autoscale
	Shape      platform.Shape
	Count      int                  // spherelets that there should be
	Ready      []platform.Spherelet // of those, the ones that get requests, or would
}

// Outcome is what has become of a decision.
type Outcome struct {
	Count int
	// Short says with the figures why Count is less than what was decided; nil when it is not.
	Short error
}

// Fleet is the services that may be scaled.
type Fleet interface {
	// Subjects lists the services that are autoscaled, live and not suspended.
	Subjects(ctx context.Context) ([]Subject, error)
	// Used is the CPU time that a spherelet has used since it was made.
	Used(spherelet string) (time.Duration, error)
	// Scale changes the count of a service to what was decided, or to as much of it as there is room for. ErrConflict
	// while something else of the service is under way, or when it is no longer as s says.
	Scale(ctx context.Context, s Subject, to Decision) (Outcome, error)
	// Limited tells the service's people that more spherelets are wanted than there is room for.
	Limited(ctx context.Context, s Subject, to Decision, o Outcome)
}
