// Package router owns the way from a client's connection to a spherelet: the table of hosts, the
// proxying of HTTP/1.1, HTTP/2 and HTTP/3, the counting of requests in flight and the drain of targets that were
// replaced, error pages, limits, access log and counters (SPEC section 5, traffic order of section 4).
//
// A connection is served by one goroutine. It parses the head of a request in place (router/h1), looks
// the host up in an immutable table, takes an idle connection of the least loaded target and copies
// both ways by the framing of the bodies, without buffering them. Readers of the table never lock;
// Swap publishes a whole new one. A connection that waits holds no buffer.
//
// A request of HTTP/2 or HTTP/3 is a lane (router/lane): it goes the same way, as an HTTP/1.1 connection
// that carries just this request. Only gRPC is passed on over HTTP/2, since HTTP/1.1 cannot carry it.
//
// The package refuses to know what a deployment is, how targets are started or checked, and where
// tables are kept. It takes any net.Listener; a listener that yields *tls.Conn serves HTTPS.
package router
