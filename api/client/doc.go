// Package client speaks csph's HTTP API: one method for each operation, streams as sequences that
// reconnect by themselves, errors as *wire.Problem (which the sentinels of platform match) or
// *UnreachableError. The csph command uses it, and so may any Go program. It refuses to print, to read
// configuration, and to link any part of the server.
package client
