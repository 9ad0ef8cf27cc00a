// Command bench measures what a request costs the router, in CPU time of its own process, against
// nginx and net/http/httputil.ReverseProxy in the same run: one wrk with 64 keep-alive connections over
// loopback, the same nginx behind each. Requests a second depend on the machine's neighbours; CPU time
// divided by requests hardly does. -websockets N tells the memory of so many idle ones instead. It needs nginx and wrk; -pprof FOLDER writes a CPU profile of the router.
package main
