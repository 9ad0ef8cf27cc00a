// Command bench measures what the router costs, side by side with nginx, HAProxy, Caddy and
// net/http/httputil.ReverseProxy in the same run, in turns, over loopback and before the same nginx. The
// figure is the CPU time of the proxy's own process divided by requests: requests a second depend on the
// machine's neighbours, that hardly does. Every proxy has one core, writes an access log and sets the same
// fields; "copy" and "splice" are goroutines that only move bytes, as floors. What counts of several
// rounds is the least, since what else the machine does can only add to it; the median stands beside it. At
// the end it says which figures are as wanted.
//
// All of it runs in a network of its own (-host-network: in the machine's). It needs nginx, haproxy, wrk,
// h2load and bin/caddy (etc/caddy/build.sh); what is missing is said and left out. -only
// http,tls,handshakes,h2,table,sockets picks parts; -pprof FOLDER writes CPU profiles of the router.
package main
