package router

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is what a Router is made from. The zero value works: no access log, nobody trusted, default limits.
type Config struct {
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
	// AccessLog gets one JSON object a line for each request; nil turns it off.
	AccessLog AccessLog
	// AccessLogEvery logs one request in so many where the service has no Options.AccessEvery; 0 and 1
	// log each, a negative number none. Server errors are always logged, unless none is.
	AccessLogEvery int
	// Front knows hosts with certificates of their own; nil: none has.
	Front Front
	// Trusted are the networks of proxies whose X-Forwarded-* and X-Request-Id are believed.
	Trusted []netip.Prefix
	// ProxyFrom are the networks of load balancers whose every connection starts with a PROXY protocol
	// header (version 1 or 2); one without it is closed. From anywhere else such a header is not understood.
	ProxyFrom []netip.Prefix
	// StickyKey makes the cookies of sticky services; routers that share clients share it. Nil is a random one.
	StickyKey []byte
	Limits    Limits
}

// Limits bound what one client, one connection or one request may hold. Zero fields take the default
// named in their comment.
type Limits struct {
	HeaderBytes int   // of one head, 64 KiB
	HeaderCount int   // fields of one head, 100
	BodyBytes   int64 // of a request's body where its service does not say otherwise, 1 GiB

	HeadTimeout     time.Duration // first to last byte of a request head, 10 s
	IdleTimeout     time.Duration // between two requests of a client connection, 75 s
	BodyTimeout     time.Duration // without a byte of progress in a body, either way, 60 s
	DialTimeout     time.Duration // connecting to a target, 2 s
	ResponseTimeout time.Duration // last byte of the request to first byte of the answer, 5 min
	PoolTimeout     time.Duration // an unused connection to a target is kept for 60 s
	PoolSize        int           // unused connections kept for one target, 512

	Streams int // requests at a time of one HTTP/2 or HTTP/3 connection, 250

	Connections          int // in all, 100,000
	ConnectionsPerClient int // of one address (IPv6: one /64), 16,384; trusted proxies are not counted

	LastRequest  time.Duration // within which an idle connection may carry one more once the Router retires, 10 s
	StreamDrain  time.Duration // how long websockets and streams outlive a Drain, 5 min
	StreamSpread time.Duration // over what time the remaining ones are then closed, 10 s
}

func (l Limits) withDefaults() Limits {
	number := func(n *int, def int) {
		if *n <= 0 {
			*n = def
		}
	}
	span := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	number(&l.HeaderBytes, 64<<10)
	number(&l.HeaderCount, 100)
	if l.BodyBytes <= 0 {
		l.BodyBytes = 1 << 30
	}
	number(&l.PoolSize, 512)
	number(&l.Streams, 250)
	number(&l.Connections, 100_000)
	number(&l.ConnectionsPerClient, 16_384)
	span(&l.HeadTimeout, 10*time.Second)
	span(&l.IdleTimeout, 75*time.Second)
	span(&l.BodyTimeout, time.Minute)
	span(&l.DialTimeout, 2*time.Second)
	span(&l.ResponseTimeout, 5*time.Minute)
	span(&l.PoolTimeout, time.Minute)
	span(&l.LastRequest, 10*time.Second)
	span(&l.StreamDrain, 5*time.Minute)
	span(&l.StreamSpread, 10*time.Second)
	return l
}
