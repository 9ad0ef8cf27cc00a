package forge

import (
	"context"
	"time"

	"csph/gitd/remote"
	"csph/platform"
)

// Outbox keeps reports until they are told. Every write is durable when it returns.
type Outbox interface {
	// DueReports lists the reports that are to be told at the time at, the most urgent first.
	DueReports(ctx context.Context, at time.Time, limit int) ([]platform.Report, error)
	// NextReport is when the next one is due; zero when none is.
	NextReport(ctx context.Context) (time.Time, error)
	// KeepReport notes what became of an attempt: with a Due it is tried again then.
	KeepReport(ctx context.Context, r platform.Report) error
	// MuteReports drops what is to be told with a service's credential, until it is connected anew; first is false when
	// that was so already.
	MuteReports(ctx context.Context, service, why string) (first bool, err error)
}

// Addresses knows who is told.
type Addresses interface {
	// Address is the repository of a service with what opens it, and who keeps it; platform.ErrNotFound when there is
	// none, or none that is told anything.
	Address(ctx context.Context, service string) (Provider, remote.Repository, error)
}
