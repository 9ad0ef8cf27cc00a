package webhook

import "context"

// Hooks finds webhooks.
type Hooks interface {
	// Hook returns the webhook of an id; platform.ErrNotFound when there is none.
	Hook(ctx context.Context, id string) (Hook, error)
	// Refused notes that a delivery to the hook, from an address, was not proven.
	Refused(ctx context.Context, h Hook, address string)
}

// Orders keeps what was accepted until it is settled. Every write is durable when it returns.
type Orders interface {
	// Accept stores the order with an id and a time. When the hook has accepted the same delivery before
	// it stores nothing, and fresh is false.
	Accept(ctx context.Context, o Order) (stored Order, fresh bool, err error)
	// Waiting lists the orders that are not settled, oldest first.
	Waiting(ctx context.Context) ([]Order, error)
	// Settle notes what became of an order: the deployment ("" for none) and a sentence.
	Settle(ctx context.Context, id, deployment, outcome string) error
}

// NothingToDo says why an order deploys nothing after all.
type NothingToDo string

func (n NothingToDo) Error() string { return string(n) }

// Starter makes the deployments.
type Starter interface {
	// Start makes what the order asks for and returns as soon as it is queued; "" when there is nothing to wait
	// for. An error is the end of the order, unless ctx has ended; NothingToDo is one that is as it should be.
	Start(ctx context.Context, o Order) (deployment string, err error)
	// Wait blocks until the deployment has come to an end that a restart of csphd would not undo, and says
	// which. An error means that it is not known: the order is carried out once more after the next start.
	Wait(ctx context.Context, deployment string) (outcome string, err error)
}
