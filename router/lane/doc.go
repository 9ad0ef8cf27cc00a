// Package lane gives one request of an HTTP/2 or HTTP/3 connection the shape of an HTTP/1.1 connection
// that carries just this request: its head and body can be read, and the answer written, as HTTP/1.1
// has them (RFC 9112). So there is one strict parser and one exchange with targets for all protocols,
// and nothing that HTTP/2 can say and HTTP/1.1 cannot (RFC 9113 section 10.3) reaches a target.
//
// The package refuses to route, to wait, and to keep anything beyond its request.
package lane
