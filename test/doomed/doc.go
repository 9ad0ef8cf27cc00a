// Package doomed runs the binary of a test once more, as a process that is killed while it works: what it has acknowledged has to
// be there afterwards. What the process does is told by a variable of its environment, which TestMain looks for. It refuses to
// know what that is, and when the right moment for the kill is.
package doomed
