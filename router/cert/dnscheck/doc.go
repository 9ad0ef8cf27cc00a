// Package dnscheck owns the question whether the public DNS sends a name to this server, and whether it
// lets a certificate authority issue for it (CAA, RFC 8659), as the name servers that are responsible
// for the zone answer now, not as a cache remembers. It refuses to change records, to know what a
// domain is for, and to decide when to ask.
package dnscheck
