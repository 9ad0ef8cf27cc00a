// Package zerops reads zerops.yml and says how one of its setups is built and run: bytes in, Plan out.
//
// It owns the language of the file (every key of SPEC section 3, their defaults, extends, the bases and the
// images they stand for, deployFiles with ~ and wildcards, .deployignore) and is strict about it: an unknown
// key, a wrong type or a value that cannot be is a Problem with its line and column, and all of them are
// reported at once. The layout it describes is the one the build container has: the source in /build/source,
// what is deployed in /var/www, what the run image is prepared with in /home/zerops.
//
// It is pure, like package buildpacks: no network, no clock, no environment. It refuses to know how images are
// built and processes run, and what ${references} to other services stand for; those stay as they are written.
package zerops
