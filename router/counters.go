package router

import (
	"sync/atomic"
	"time"
)

// counterShards spreads the counting over cache lines.
const counterShards = 8

// buckets is the number of latency buckets with an upper bound.
const buckets = 14

// bounds are the upper bounds of the latency buckets.
func bounds() [buckets]time.Duration {
	const ms = time.Millisecond
	return [buckets]time.Duration{ms / 2, ms, 2 * ms, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms, 1000 * ms, 2500 * ms, 10000 * ms, 60000 * ms}
}

var latencyBounds = bounds()

// counters count the requests of one service, from its first Swap to its Remove.
type counters struct{ shards [counterShards]counterShard }

type counterShard struct {
	started  atomic.Uint64
	finished atomic.Uint64
	classes  [6]atomic.Uint64 // by status / 100; 0: ended without an answer
	bytesIn  atomic.Uint64
	bytesOut atomic.Uint64
	nanos    atomic.Uint64
	latency  [buckets + 1]atomic.Uint64
	_        [64]byte
}

// Stats are the counts of one service since its first Swap.
type Stats struct {
	Service  string    `json:"service"`
	Requests [6]uint64 `json:"requests"` // by status class; [0] ended without an answer
	InFlight int       `json:"in_flight"`
	BytesIn  uint64    `json:"bytes_in"`  // bodies of requests
	BytesOut uint64    `json:"bytes_out"` // bodies of answers
	// Latency counts requests by duration: Latency[i] took LatencyBounds[i] at most, the last any longer.
	Latency      []uint64      `json:"latency"`
	LatencyTotal time.Duration `json:"latency_total"`
}

// LatencyBounds returns the upper bounds of all latency buckets but the last.
func LatencyBounds() []time.Duration { b := bounds(); return b[:] }

// countersOf returns the counters of a service. r.mu is held.
func (r *Router) countersOf(service string) *counters {
	c := r.counts[service]
	if c == nil {
		c = &counters{}
		r.counts[service] = c
	}
	return c
}

// Stats returns the counts of a service; false when it has no route.
func (r *Router) Stats(service string) (Stats, bool) {
	route := r.table.Load().route(service)
	if route == nil {
		return Stats{}, false
	}
	return route.counts.stats(service), true
}

func (c *counters) stats(service string) Stats {
	s := Stats{Service: service, Latency: make([]uint64, buckets+1)}
	for i := range c.shards {
		x := &c.shards[i]
		s.InFlight -= int(x.finished.Load())
		s.InFlight += int(x.started.Load())
		for k := range x.classes {
			s.Requests[k] += x.classes[k].Load()
		}
		for k := range x.latency {
			s.Latency[k] += x.latency[k].Load()
		}
		s.BytesIn += x.bytesIn.Load()
		s.BytesOut += x.bytesOut.Load()
		s.LatencyTotal += time.Duration(x.nanos.Load())
	}
	return s
}

// count notes the end of a request.
func (x *counterShard) count(status int, in, out int64, took time.Duration) {
	if in > 0 {
		x.bytesIn.Add(uint64(in))
	}
	x.bytesOut.Add(uint64(out))
	x.nanos.Add(uint64(took))
	x.classes[status/100].Add(1)
	i := 0
	for i < buckets && took > latencyBounds[i] {
		i++
	}
	x.latency[i].Add(1)
	x.finished.Add(1)
}
