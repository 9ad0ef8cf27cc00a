// Package daemon owns the child processes that csphd supervises (containerd, buildkitd): starting
// them, telling when they are ready, restarting them with backoff when they die, stopping them, and
// clearing away one that an earlier csphd left behind. A child never outlives csphd for long: the
// kernel sends it SIGTERM when csphd dies, however it dies. The package refuses to know what a
// child does or how it is configured.
package daemon
