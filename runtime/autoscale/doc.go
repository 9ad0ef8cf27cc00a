// Package autoscale owns how many spherelets a service runs when CPU use is to decide (SPEC section 4): what is seen of
// their use, which count follows from it, and how fast counts change.
//
// It refuses to look at services that did not ask for it, to move a count while anything else about the service is being
// changed, and to know how spherelets are started, measured or let go: Fleet does that.
package autoscale
