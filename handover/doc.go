// Package handover lets a new csphd take the place of a running one without a client noticing: the new
// process is started by the old one and inherits the listening sockets, the lock of the state folder and what
// else it is left; it gets ready, waits until the old one has let go of the state, takes that over, serves, and
// only then does the old one stop accepting. While the old one drains, it follows the route table of the new
// one and drains targets on its behalf, as a second router would.
//
//	old                                        new
//	Offer.Start: spawn with sockets and lock →
//	                                           Inherit; configuration and binaries are checked
//	                                         ← Prepared (the answer is the permission to go on)
//	lets go of records and daemons
//	Successor.Proceed: permission            →
//	                                           asks what the old one knows (Memory), takes the state over,
//	                                           routes, accepts
//	                                         ← Serving
//	stops accepting, drains                  ← Route, Drain, DrainStreams, until it ends
//
// The two speak JSON-RPC over a socket pair, in one direction: the new one asks. Whatever fails before
// Serving leaves the old one as it was, since its sockets never closed.
//
// The package knows nothing of routes, records and daemons; what a table holds is its users' business.
package handover
