// Package storetest holds the conformance suite of the records and the bus: what deploy, the API and the
// git server rely on, whichever database is behind. Every implementation runs all of it.
package storetest
