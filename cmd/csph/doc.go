// Command csph deploys services and looks after them. It owns the command line: flags, what is printed
// where, exit statuses, and where the server and the token come from. Everything it does goes through
// the HTTP API (package api/client); only `csph plan` works on the local folder alone.
//
// JSON (-o json) and tables go to standard output, progress and errors to standard error. Exit statuses:
//
//	0    what was asked for is true (a deployment: it is live)
//	1    it is not, and the last lines say why
//	2    the command line is wrong
//	3    the server cannot be reached
//	4    the token is missing or not valid
//	130  interrupted with ctrl-C
package main
