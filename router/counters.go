package router

import (
	"sync/atomic"
	"time"
)

// counterShards spreads the counting over cache lines.
const counterShards = 8

// buckets is the number of latency buckets with an upper bound.
const buckets = 20

// bounds are the upper bounds of the latency buckets.
func bounds() [buckets]time.Duration {
	const ms = time.Millisecond
	return [buckets]time.Duration{
		ms / 4, ms / 2, ms, 3 * ms / 2, 2 * ms, 3 * ms, 5 * ms, 15 * ms / 2, 10 * ms, 15 * ms,
		25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms, 1000 * ms, 2500 * ms, 5000 * ms, 10000 * ms, 60000 * ms,
	}
}

var latencyBounds = bounds()

// protocols are the versions of HTTP that clients speak.
const protocols = 3

// protocolName returns a major version of HTTP as logs and metrics name it.
func protocolName(major uint8) string {
	switch major {
	case 2:
		return "HTTP/2"
	case 3:
		return "HTTP/3"
	}
	return "HTTP/1.1"
}

// upstreamError is how a target failed a request.
type upstreamError int

const (
	unreachable upstreamError = iota // no connection
	brokeOff                         // no answer, half of one, or something that is not HTTP
	tooSlow                          // no answer in time
	upstreamErrors
)

func (e upstreamError) String() string {
	return [upstreamErrors]string{"unreachable", "failed", "timeout"}[e]
}

// counters count the requests of one service, from its first Swap to its Remove. A shard is there from
// its first request on, so that a route without traffic takes little.
type counters struct {
	shards [counterShards]atomic.Pointer[counterShard]
}

type counterShard struct {
	started  atomic.Uint64
	finished atomic.Uint64
	classes  [protocols][6]atomic.Uint64 // by status / 100; 0: ended without an answer
	upstream [upstreamErrors]atomic.Uint64
	bytesIn  atomic.Uint64
	bytesOut atomic.Uint64
	nanos    atomic.Uint64
	latency  [buckets + 1]atomic.Uint64
	_        [64]byte
}

// shard returns the shard of a connection.
func (c *counters) shard(n uint32) *counterShard {
	p := &c.shards[n]
	if x := p.Load(); x != nil {
		return x
	}
	p.CompareAndSwap(nil, &counterShard{})
	return p.Load()
}

// Stats are the counts of one service since its first Swap.
type Stats struct {
	Service   string       `json:"service"`
	Requests  [6]uint64    `json:"requests"`  // by status class; [0] ended without an answer
	Protocols [3][6]uint64 `json:"protocols"` // the same of HTTP/1.1, HTTP/2 and HTTP/3
	InFlight  int          `json:"in_flight"`
	BytesIn   uint64       `json:"bytes_in"`  // bodies of requests
	BytesOut  uint64       `json:"bytes_out"` // bodies of answers
	// Unreachable, Failed and TimedOut count what targets did to requests; a request that another target
	// answered is in them, too.
	Unreachable uint64 `json:"unreachable"`
	Failed      uint64 `json:"failed"`
	TimedOut    uint64 `json:"timed_out"`
	// Latency counts requests by duration: Latency[i] took LatencyBounds[i] at most, the last any longer.
	// Websockets and event streams are not in it.
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
		if x := c.shards[i].Load(); x != nil {
			x.addTo(&s)
		}
	}
	return s
}

func (x *counterShard) addTo(s *Stats) {
	s.InFlight -= int(x.finished.Load())
	s.InFlight += int(x.started.Load())
	for p := range x.classes {
		for k := range x.classes[p] {
			n := x.classes[p][k].Load()
			s.Protocols[p][k] += n
			s.Requests[k] += n
		}
	}
	for k := range x.latency {
		s.Latency[k] += x.latency[k].Load()
	}
	s.Unreachable += x.upstream[unreachable].Load()
	s.Failed += x.upstream[brokeOff].Load()
	s.TimedOut += x.upstream[tooSlow].Load()
	s.BytesIn += x.bytesIn.Load()
	s.BytesOut += x.bytesOut.Load()
	s.LatencyTotal += time.Duration(x.nanos.Load())
}

// count notes the end of a request.
func (x *counterShard) count(s *session, took time.Duration) {
	if s.bytesIn > 0 {
		x.bytesIn.Add(uint64(s.bytesIn))
	}
	x.bytesOut.Add(uint64(s.bytesOut))
	x.classes[s.proto-1][s.status/100].Add(1)
	if !s.stream {
		x.nanos.Add(uint64(took))
		i := 0
		for i < buckets && took > latencyBounds[i] {
			i++
		}
		x.latency[i].Add(1)
	}
	x.finished.Add(1)
}

// countFailure notes what a target did to the request.
func (s *session) countFailure(e upstreamError) {
	s.route.counts.shard(s.number).upstream[e].Add(1)
}
