// Package host owns what one csphd keeps on its machine outside its state folder: its identity and
// private subnets, its control groups, its bridges and veth pairs, and its packet filter table.
// Every name it makes derives from the instance's id, so that several instances share a machine, and
// Destroy finds all of it again by those names. It refuses to know what runs in a cgroup or behind an
// address, and to touch anything that does not carry the instance's id.
package host
