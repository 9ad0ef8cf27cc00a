// Package gitd owns the way in by git: an SSH server that knows git push, git fetch and sftp and nothing
// else, the receiving end of a push, and the repositories behind it (package bare). It turns a push to
// a service's deployed branch into one deployment request, lets the pushing terminal follow it, and
// moves the references when the build has succeeded.
//
// It refuses everything else that SSH can do, it never runs what was pushed (no hooks, no filters),
// and it does not know how a deployment is made: that is the Deployer's.
package gitd
