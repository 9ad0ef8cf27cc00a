// Package wire owns what crosses the wire of a git push: the SSH command line, the update request,
// push options, reference names, and the way back (side band, keep-alives, report-status).
// Everything it parses comes from strangers: each parser is strict, bounded in memory and fuzzed.
// It refuses to touch a disk, a repository or a network.
package wire
