// Package proxyproto owns the header that a load balancer puts in front of a connection to say whose it
// is (the PROXY protocol, versions 1 and 2). It reads the header and not a byte more, and is strict:
// what is not exactly a header is an error, since a sender that cannot be understood cannot be believed.
// Whom to believe is not its business.
package proxyproto
