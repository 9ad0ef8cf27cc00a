// Package port owns numbers of ports for tests and benches: for servers that are told a number and listen some time later,
// once, several times or never. A number that was merely free a moment ago may be somebody else's by then, another
// test's or that of a connection which the kernel gave it to. It refuses to be used by what users run.
package port
