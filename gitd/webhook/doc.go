// Package webhook owns what the providers of repositories say to csph: the forms of their deliveries, how each
// proves that it is genuine, what a delivery asks for, and the queue in which what was accepted waits until it
// is deployed (SPEC section 3).
//
// It refuses to parse a byte before the delivery is known to be genuine, to answer 2xx before what it accepted
// is durable, and to know how a repository is cloned or a deployment is made: a Starter does that.
package webhook
