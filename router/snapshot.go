package router

import (
	"cmp"
	"slices"
	"time"
)

// Snapshot is the state of a Router at one moment, for people to look at.
type Snapshot struct {
	Version     uint64        `json:"version"` // of the table
	Connections int           `json:"connections"`
	Retiring    bool          `json:"retiring"` // another router has taken over
	Routes      []RouteState  `json:"routes"`   // by the order of the table
	Draining    []TargetState `json:"draining"` // targets that were replaced and are not over yet
}

// RouteState is a route with its counts and targets.
type RouteState struct {
	Service string        `json:"service"`
	Hosts   []string      `json:"hosts"`
	Stats   Stats         `json:"stats"`
	Targets []TargetState `json:"targets"`
}

// TargetState is how a target is doing.
type TargetState struct {
	Address  string `json:"address"`
	Requests int    `json:"requests"` // in flight
	Streams  int    `json:"streams"`  // websockets and streams in flight
	Idle     int    `json:"idle"`     // connections kept for later requests
	Failures int    `json:"failures"` // in a row
	// Aside is for how much longer the target is not asked, unless all are set aside.
	Aside time.Duration `json:"aside"`
}

// Snapshot copies the state. It blocks swaps while it looks at draining targets.
func (r *Router) Snapshot() Snapshot {
	t := r.table.Load()
	now := r.watch.clock.Load()
	s := Snapshot{
		Version: t.version, Connections: r.clients.count(), Retiring: r.retirement.began(),
		Routes: make([]RouteState, 0, len(t.routes)), Draining: []TargetState{},
	}
	for _, x := range t.routes {
		s.Routes = append(s.Routes, x.state(now))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range r.retired {
		for _, t := range list {
			s.Draining = append(s.Draining, t.state(now))
		}
	}
	slices.SortFunc(s.Draining, func(a, b TargetState) int { return cmp.Compare(a.Address, b.Address) })
	return s
}

func (x *route) state(now int64) RouteState {
	s := RouteState{Service: x.service, Hosts: slices.Clone(x.hosts), Stats: x.counts.stats(x.service), Targets: []TargetState{}}
	for _, t := range x.targets {
		s.Targets = append(s.Targets, t.state(now))
	}
	return s
}

func (t *target) state(now int64) TargetState {
	s := TargetState{Address: t.addr.String(), Failures: int(t.failures.Load())}
	s.Requests, s.Streams = t.inFlight()
	if until := t.asideUntil.Load(); until > now {
		s.Aside = time.Duration(until - now)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Idle = len(t.idle)
	return s
}
