package platform

import "errors"

// Sentinels that callers branch on; wrap them with %w and a sentence for the user.
var (
	ErrNotFound     = errors.New("not found")
	ErrConflict     = errors.New("conflict")
	ErrInvalid      = errors.New("invalid")
	ErrUnauthorized = errors.New("unauthorized")
	ErrForbidden    = errors.New("forbidden")
	ErrCapacity     = errors.New("capacity exceeded")
	ErrPrecondition = errors.New("changed meanwhile")
)

// Reason is the machine-readable cause of a failed deployment (SPEC section 2).
type Reason string

const (
	BuildFailed          Reason = "build_failed"
	BuildTimeout         Reason = "build_timeout"
	ImagePullFailed      Reason = "image_pull_failed"
	StartFailed          Reason = "start_failed"
	HealthCheckFailed    Reason = "health_check_failed"
	OutOfMemory          Reason = "out_of_memory"
	CapacityExceeded     Reason = "capacity_exceeded"
	ReleaseCommandFailed Reason = "release_command_failed"
	Internal             Reason = "internal"
)

// Failure is an error that ends a deployment. Builders and engines return it; deploy records it.
type Failure struct {
	Reason Reason
	// Message is one or two sentences for the user: what happened, where.
	Message string
	// Hint is one sentence: what to do next.
	Hint string
	// Tail is the last lines of the log that show it, oldest first; at most 20.
	Tail []string
	// Err is the cause, for the operator's log; may be nil.
	Err error
}

func (f *Failure) Error() string { return f.Message }

func (f *Failure) Unwrap() error { return f.Err }
