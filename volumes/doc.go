// Package volumes owns the data that outlives deployments: a folder for each volume and each snapshot, named by its id, all in
// one folder that nobody but root may enter (SPEC section 4).
//
// The records decide what there is. A folder that is being made, or is on its way out, has a dot before its name;
// Sweep shows those that the records know and removes the others, so that a kill at any moment leaves no half of a
// snapshot and loses none. A folder without a dot is never removed unless its record was deleted first.
//
// What apps have put into a volume is foreign: names are opened one by one, no link is followed, nothing of the host can
// get into a snapshot, whatever an app does while it is copied.
//
// The package refuses to know how volumes are mounted, and how a service is rolled out: Engine and Rollouts do that.
package volumes
