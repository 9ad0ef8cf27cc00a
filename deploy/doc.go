// Package deploy is the one orchestrator: it takes a deployment through the five phases (SPEC section
// 2), rolls back, tends what is live, keeps the restorable history short, and takes up at boot what
// a crash interrupted. For every phase it writes the record, publishes the event, then acts; it is the
// only writer of deployments. It refuses to know how images are built, spherelets run or requests
// routed: those are the interfaces of ports.go.
package deploy
