// Command bench measures what the router costs, side by side with nginx, HAProxy, Caddy and
// net/http/httputil.ReverseProxy in the same run, in turns, over loopback and before the same nginx. The
// figure is the CPU time of the proxy's own process divided by requests: requests a second depend on the
// machine's neighbours, that hardly does. Every proxy writes an access log and sets the same fields.
//
// It needs nginx, haproxy, wrk, h2load and bin/caddy (etc/caddy/build.sh); what is missing is said and
// left out. -only http,tls,handshakes,h2,table,sockets picks parts; -pprof FOLDER writes CPU profiles of
// the router.
package main
