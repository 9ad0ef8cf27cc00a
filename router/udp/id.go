package udp

import (
	"crypto/rand"

	"github.com/quic-go/quic-go"
)

// idLength is of the connection ids that a Port makes. A client's first ones are longer.
const idLength = 7

const (
	longHeader   = 0x80 // bit of the first byte (RFC 8999 section 5)
	idLengthAt   = 5    // in a long header, after the first byte and the version
	shortHeader  = 1    // bytes before the id in a short header
	longIDStarts = idLengthAt + 1
)

// generation counts the processes that have had a port, one after the other. It may start anew after 255:
// no more than a few of them live at a time.
type generation byte

// GenerateConnectionID implements quic.ConnectionIDGenerator.
func (g generation) GenerateConnectionID() (quic.ConnectionID, error) {
	var id [idLength]byte
	if _, err := rand.Read(id[1:]); err != nil {
		return quic.ConnectionID{}, err
	}
	id[0] = byte(g)
	return quic.ConnectionIDFromBytes(id[:]), nil
}

// ConnectionIDLen implements quic.ConnectionIDGenerator.
func (generation) ConnectionIDLen() int { return idLength }

// addressee returns whose connection the packet belongs to; ok is false where it says nothing of that, as the
// first ones of a connection.
func addressee(packet []byte) (g generation, ok bool) {
	if len(packet) < longIDStarts+idLength {
		return 0, false
	}
	if packet[0]&longHeader == 0 {
		return generation(packet[shortHeader]), true
	}
	return generation(packet[longIDStarts]), packet[idLengthAt] == idLength
}
