package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Queue carries out accepted orders, those of earlier runs of the server first. It starts those of a service in the order in
// which they were accepted and does not wait for one to end before it starts the next: a newer deployment
// supersedes an older one of its service, and builds wait for their turn elsewhere. A service whose repository is slow
// to answer holds up no other.
type Queue struct {
	orders  Orders
	starter Starter
	log     *slog.Logger

	mu      sync.Mutex
	pending []Order
	woken   chan struct{} // capacity 1
}

// NewQueue returns a queue that does nothing before Run.
func NewQueue(orders Orders, starter Starter, log *slog.Logger) *Queue {
	return &Queue{orders: orders, starter: starter, log: log, woken: make(chan struct{}, 1)}
}

// add takes an order in that is stored already.
func (q *Queue) add(all ...Order) {
	q.mu.Lock()
	q.pending = append(q.pending, all...)
	q.mu.Unlock()
	select {
	case q.woken <- struct{}{}:
	default:
	}
}

func (q *Queue) take() []Order {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.pending
	q.pending = nil
	return all
}

// Run carries out orders until ctx ends, and returns when everything it has started has noticed that.
// Orders that are not settled by then are taken up by the next Run.
func (q *Queue) Run(ctx context.Context) error {
	left, err := q.recall(ctx)
	if err != nil {
		return err
	}
	l := &lanes{queue: q, waiting: map[string][]Order{}}
	defer l.running.Wait()
	recalled := identities(left)
	for _, o := range left {
		l.add(ctx, o)
	}
	for {
		select {
		case <-q.woken:
		case <-ctx.Done():
			return nil
		}
		for _, o := range q.take() {
			if !recalled[o.ID] { // one that was accepted while the list was read may be in it, too
				l.add(ctx, o)
			}
		}
	}
}

// lanes are the orders that are being carried out, a lane for each service.
type lanes struct {
	queue   *Queue
	running sync.WaitGroup

	mu      sync.Mutex
	waiting map[string][]Order // by service; there is an entry while its lane runs
}

// add puts an order behind those of its service.
func (l *lanes) add(ctx context.Context, o Order) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, runs := l.waiting[o.Service]
	l.waiting[o.Service] = append(before, o)
	if !runs {
		l.running.Go(func() { l.run(ctx, o.Service) })
	}
}

// run carries out the orders of a service until there are no more.
func (l *lanes) run(ctx context.Context, service string) {
	for {
		l.mu.Lock()
		orders := l.waiting[service]
		if len(orders) == 0 || ctx.Err() != nil {
			delete(l.waiting, service)
			l.mu.Unlock()
			return
		}
		l.waiting[service] = orders[1:]
		l.mu.Unlock()
		l.queue.carry(ctx, orders[0], &l.running)
	}
}

func identities(orders []Order) map[string]bool {
	ids := make(map[string]bool, len(orders))
	for _, o := range orders {
		ids[o.ID] = true
	}
	return ids
}

// recallTime bounds the question for the orders of earlier runs.
const recallTime = time.Minute

func (q *Queue) recall(ctx context.Context) ([]Order, error) {
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	left, err := q.orders.Waiting(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the webhooks' orders: %w", err)
	}
	return left, nil
}

// carry starts an order, and waits for its end beside the others.
func (q *Queue) carry(ctx context.Context, o Order, running *sync.WaitGroup) {
	deployment, err := q.starter.Start(ctx, o)
	switch {
	case ctx.Err() != nil:
		return
	case errors.As(err, new(NothingToDo)):
		q.settle(ctx, o, "", err.Error())
		return
	case err != nil:
		q.log.Warn("a webhook's order could not be carried out", "service", o.Service, "hook", o.Hook, "delivery", o.Delivery, "err", err)
		q.settle(ctx, o, "", err.Error())
		return
	case deployment == "":
		q.settle(ctx, o, "", "done")
		return
	}
	running.Go(func() {
		outcome, err := q.starter.Wait(ctx, deployment)
		if err == nil {
			q.settle(ctx, o, deployment, outcome)
		} else if ctx.Err() == nil {
			q.log.Warn("what became of a webhook's deployment is not known", "deployment", deployment, "err", err)
		}
	})
}

const settleTime = 15 * time.Second

func (q *Queue) settle(ctx context.Context, o Order, deployment, outcome string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err := q.orders.Settle(ctx, o.ID, deployment, outcome); err != nil {
		q.log.Error("the end of a webhook's order is not recorded", "order", o.ID, "err", err)
	}
}
