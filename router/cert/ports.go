package cert

import (
	"context"
	"time"

	"csph/platform"
	"csph/router/cert/budget"
	"csph/router/cert/dnscheck"
)

// Records keeps domains. Every write is durable when it returns.
type Records interface {
	// Domains lists an account's domains ("" for all accounts').
	Domains(ctx context.Context, account string) ([]platform.Domain, error)
	Domain(ctx context.Context, id string) (platform.Domain, error)
	// UpdateDomain changes a domain's state, certificate or HSTS under the records' lock.
	UpdateDomain(ctx context.Context, id string, change func(*platform.Domain) error) (platform.Domain, error)
	// AdvanceDomain moves a domain by compare-and-set; platform.ErrConflict when it is no longer in from.
	AdvanceDomain(ctx context.Context, id string, from platform.DomainStatus, move platform.DomainMove, set func(*platform.Domain)) (platform.Domain, error)
}

// Bus carries events.
type Bus interface {
	Publish(ctx context.Context, e platform.Event) (platform.Event, error)
}

// DNS says where names lead.
type DNS interface {
	// Check blocks for its own time limit at most; the error is ctx's.
	Check(ctx context.Context, name string, e dnscheck.Expect) (dnscheck.Finding, error)
}

// Ledger is the budget of orders.
type Ledger interface {
	// Order counts an order before it is made; *budget.WaitError says that it must not be made yet.
	Order(ctx context.Context, ca, name string, limits budget.Limits, renewal bool) error
	// Issue counts the certificate that an order has brought.
	Issue(ctx context.Context, ca, name string, renewal bool) error
	// Fail counts a failed validation of name.
	Fail(ctx context.Context, ca, name string) error
	// Pause keeps orders for name away from an authority until then.
	Pause(ctx context.Context, ca, name string, until time.Time) error
}
