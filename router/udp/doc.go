// Package udp owns the UDP port that HTTP/3 is served on, and how it passes from one process to the next
// without a connection noticing.
//
// A UDP socket has no connections: whoever reads it gets the packets of all. So one process reads at a time,
// and every connection id that a server makes names its generation, the process that made it:
//
//	| generation, 1 byte | random, 6 bytes |
//
// Clients choose their first ids of at least eight bytes (RFC 9000 section 7.2), so that an id of seven is
// always a server's. A successor inherits the socket, and one end of a link (a pair of unix sockets that keep
// the bounds of messages) to each older generation that still has connections. It says on the link of the one
// before that it wants the socket; that one reads on until it is told to yield, stops, says so, and reads the
// link from then on. The new one reads the socket, keeps what begins a connection or is its own, and forwards
// the rest with the sender's address and all that the kernel said of the packet. Answers leave through the
// socket directly, whoever sends them.
//
// Links never block: what does not fit is dropped, as packets may be (RFC 9000 section 13.3 repairs it).
// Where the end of a link closes without a word, the process behind it has gone, and the older one reads the
// socket again. A successor that does not want the socket, or dies before it has it, changes nothing.
//
// The package knows nothing of HTTP, and of QUIC no more than where a packet says whose it is (RFC 8999).
package udp
