// Package bare owns the bare repositories on disk: making them, taking packs into quarantine,
// judging what came, moving it in, updating references, checking a commit out for a build, serving
// fetches and keeping the disk tidy.
//
// Where git is installed every heavy thing is done by its plumbing in child processes, so that this
// process's memory stays flat whatever is pushed; where it is not, go-git does the same work in
// process, at a price in memory and time. No hook ever runs, and no configuration of the host or of
// its users is read. The package refuses to know about SSH, accounts and deployments.
package bare
