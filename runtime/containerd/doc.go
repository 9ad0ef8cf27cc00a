// Package containerd is the engine that runs sets of spherelets on one machine with containerd and runc. It
// owns the private containerd (its configuration, its namespace "csph"), the containers, tasks, snapshots and
// addresses of the spherelets, their supervision, and the small files that they need.
//
// What should run is a file for each set, written before anything is made and deleted before anything is
// removed. What does run is containerd's to say: every container carries the label csph.deployment. Recover
// compares the two, so that a kill at any moment leaves nothing lost and nothing behind.
//
// The package refuses to know why a set is declared, whether its spherelets are healthy, and what traffic
// they get. It never imports the packages that do.
package containerd
