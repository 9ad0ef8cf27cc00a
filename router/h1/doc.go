// Package h1 owns the wire form of HTTP/1.1 messages (RFC 9112): where a head ends, what its fields
// are, how its body is framed, and the chunked coding. It works on bytes in memory, keeps positions
// instead of copies, and does no I/O. It is strict on purpose: whatever two parsers could read in two
// ways (bare LF, folded lines, blanks before colons, repeated or listed lengths, codings beside
// lengths, malformed chunks) is refused, so that no request can be smuggled past the router.
package h1
