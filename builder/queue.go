package builder

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// roomEvery is how often a build that waits for room asks again: nobody tells when memory becomes free.
const roomEvery = time.Second

// Admit blocks until a build of service may run, or ctx ends: at most Parallel run at once, one of each service,
// and one beside others only where the machine has room for it. Accounts take turns, and within an account
// its services do; those who have fewest builds running come first. waiting is told what the build waits for,
// once at first and again whenever that changes; it may be nil. release gives the place back, once.
func (b *Builder) Admit(ctx context.Context, account, service string, waiting func(why string)) (release func(), err error) {
	leave, err := b.queue.admit(ctx, &ticket{account: account, service: service, admitted: make(chan struct{})}, waiting)
	if err != nil {
		return nil, err
	}
	return func() {
		leave()
		b.noteBuilt()
	}, nil
}

// ticket is one build's place in the queue.
type ticket struct {
	account, service string
	arrived          int64
	admitted         chan struct{} // closed when the build may run
}

// queue decides which build runs next, and when.
type queue struct {
	limit int
	// room says why the machine has no room for a build beside the running ones; "" when it has.
	room func(running []*ticket) string

	mu      sync.Mutex
	running []*ticket
	waiting []*ticket
	clock   int64            // counts arrivals and admissions
	served  map[string]int64 // accounts, and services, to the time of their last admission
	changed chan struct{}    // closed and replaced whenever a place is taken or given back
}

func newQueue(limit int, room func([]*ticket) string) *queue {
	return &queue{limit: limit, room: room, served: map[string]int64{}, changed: make(chan struct{})}
}

func (q *queue) admit(ctx context.Context, t *ticket, waiting func(string)) (release func(), err error) {
	q.join(t)
	ask := time.NewTicker(roomEvery)
	defer ask.Stop()
	for said := ""; ; {
		why, changed := q.advance(t)
		if why == "" {
			return sync.OnceFunc(func() { q.leave(t) }), nil
		}
		if why != said && waiting != nil {
			waiting(why)
		}
		said = why
		select {
		case <-t.admitted:
		case <-changed:
		case <-ask.C:
		case <-ctx.Done():
			q.leave(t)
			return nil, fmt.Errorf("wait for the build's turn: %w", context.Cause(ctx))
		}
	}
}

func (q *queue) join(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.clock++
	t.arrived = q.clock
	q.waiting = append(q.waiting, t)
	q.wake() // who was behind somebody else may now be behind this one too
}

// leave takes a build out of the queue, whether it ran or waited.
func (q *queue) leave(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	is := func(o *ticket) bool { return o == t }
	q.running = slices.DeleteFunc(q.running, is)
	q.waiting = slices.DeleteFunc(q.waiting, is)
	q.wake()
}

// wake tells everyone who waits to look again. The lock is held.
func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// advance admits the next build if it may run, and says what t waits for; "" when it is admitted.
func (q *queue) advance(t *ticket) (why string, changed <-chan struct{}) {
	for {
		q.mu.Lock()
		running := slices.Clone(q.running)
		q.mu.Unlock()
		full := ""
		if len(running) > 0 { // the first always runs: a machine without room would otherwise never build
			full = q.room(running)
		}
		q.mu.Lock()
		if slices.Equal(running, q.running) { // else the room was measured for others
			defer q.mu.Unlock()
			order := q.order()
			if len(order) > 0 && len(running) < q.limit && full == "" {
				q.start(order[0])
				order = order[1:]
			}
			return q.whyWaiting(t, order, full), q.changed
		}
		q.mu.Unlock()
	}
}

// start lets a waiting build run. The lock is held.
func (q *queue) start(t *ticket) {
	q.clock++
	q.served[t.account], q.served[t.service] = q.clock, q.clock
	q.waiting = slices.DeleteFunc(q.waiting, func(o *ticket) bool { return o == t })
	q.running = append(q.running, t)
	close(t.admitted)
	q.wake()
}

// order lists the waiting builds of services that have none running, the next one first. The lock is held.
func (q *queue) order() []*ticket {
	busy, builds := map[string]bool{}, map[string]int{}
	for _, r := range q.running {
		busy[r.service] = true
		builds[r.account]++
	}
	var order []*ticket
	for _, w := range q.waiting {
		if !busy[w.service] {
			order = append(order, w)
		}
	}
	slices.SortFunc(order, func(a, b *ticket) int {
		return cmp.Or(
			cmp.Compare(builds[a.account], builds[b.account]), cmp.Compare(q.served[a.account], q.served[b.account]),
			cmp.Compare(q.served[a.service], q.served[b.service]), cmp.Compare(a.arrived, b.arrived))
	})
	return order
}

// whyWaiting says what t waits for; "" when it runs. The lock is held.
func (q *queue) whyWaiting(t *ticket, order []*ticket, full string) string {
	at := slices.Index(order, t)
	switch {
	case slices.Contains(q.running, t):
		return ""
	case at < 0:
		return "queued behind another build of this service"
	case at == 0 && full != "" && len(q.running) < q.limit:
		return full
	case full != "" && len(q.running) < q.limit:
		reason, _, _ := strings.Cut(full, ":") // its figures are the next one's
		return reason + "; before this one: " + builds(at)
	}
	return "queued behind " + builds(len(q.running)+at)
}

func builds(n int) string {
	if n == 1 {
		return "1 build"
	}
	return fmt.Sprintf("%d builds", n)
}
