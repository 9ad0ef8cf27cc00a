// Command bench measures csph on this machine against raw floors: what the same work costs with BuildKit,
// containerd and git alone. Floor and ours take turns in one run, so that what disturbs one disturbs the
// other; every figure is a ratio (or a difference) of medians. It starts csphd of its own from the
// given folder of binaries, with state and ports of its own, and destroys them at the end. It needs root.
package main
