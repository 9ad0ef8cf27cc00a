package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// ErrHeader is the error for bytes that are no header.
var ErrHeader = errors.New("not a PROXY protocol header")

const (
	signature = "\r\n\r\n\x00\r\nQUIT\n" // of version 2
	prefix    = "PROXY "                 // of version 1
	maxLine   = 107                      // bytes of version 1, CRLF included
	maxBlock  = 2048                     // bytes of version 2 after the fixed part; the specification asks for 536 at least
)

// Header is what a load balancer says of a connection.
type Header struct {
	// Source is the client's address, or not valid when the connection is the load balancer's own (a
	// health check) or of a kind without IP addresses.
	Source netip.AddrPort
}

// Read reads a header of either version. The error is ErrHeader or r's.
func Read(r io.Reader) (Header, error) {
	var start [len(signature)]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return Header{}, fmt.Errorf("read the PROXY protocol header: %w", err)
	}
	if string(start[:]) == signature {
		return readBlock(r)
	}
	if !bytes.HasPrefix(start[:], []byte(prefix)) {
		return Header{}, ErrHeader
	}
	return readLine(r, start[:])
}

// readLine reads the rest of version 1, byte by byte: what follows the line is not the header's.
func readLine(r io.Reader, start []byte) (Header, error) {
	line := append(make([]byte, 0, maxLine), start...)
	for !bytes.HasSuffix(line, []byte("\n")) {
		if len(line) == maxLine {
			return Header{}, ErrHeader
		}
		line = line[:len(line)+1]
		if _, err := io.ReadFull(r, line[len(line)-1:]); err != nil {
			return Header{}, fmt.Errorf("read the PROXY protocol header: %w", err)
		}
	}
	text, ok := strings.CutSuffix(string(line[len(prefix):]), "\r\n")
	if !ok || strings.ContainsAny(text, "\r\n") {
		return Header{}, ErrHeader
	}
	return parseLine(text)
}

// parseLine reads "TCP4 source destination port port"; after UNKNOWN anything may follow.
func parseLine(text string) (Header, error) {
	if text == "UNKNOWN" || strings.HasPrefix(text, "UNKNOWN ") {
		return Header{}, nil
	}
	parts := strings.Split(text, " ")
	if len(parts) != 5 || parts[0] != "TCP4" && parts[0] != "TCP6" {
		return Header{}, ErrHeader
	}
	six := parts[0] == "TCP6"
	source, ok := endpoint(parts[1], parts[3], six)
	if !ok {
		return Header{}, ErrHeader
	}
	if _, ok := endpoint(parts[2], parts[4], six); !ok {
		return Header{}, ErrHeader
	}
	return Header{Source: source}, nil
}

func endpoint(addr, port string, six bool) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(addr)
	if err != nil || a.Is6() != six || a.Zone() != "" {
		return netip.AddrPort{}, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), true
}

// Families of version 2 whose addresses are read: TCP over IPv4 and IPv6, and their sizes.
const (
	tcp4, size4 = 0x11, 12
	tcp6, size6 = 0x21, 36
)

// readBlock reads the rest of version 2: version and command, family, length, addresses, extensions.
func readBlock(r io.Reader) (Header, error) {
	var fixed [4]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return Header{}, fmt.Errorf("read the PROXY protocol header: %w", err)
	}
	size := int(binary.BigEndian.Uint16(fixed[2:]))
	if size > maxBlock {
		return Header{}, ErrHeader
	}
	block := make([]byte, size)
	if _, err := io.ReadFull(r, block); err != nil {
		return Header{}, fmt.Errorf("read the PROXY protocol header: %w", err)
	}
	switch fixed[0] {
	case 0x20: // LOCAL
		return Header{}, nil
	case 0x21: // PROXY
		return parseBlock(fixed[1], block)
	}
	return Header{}, ErrHeader
}

func parseBlock(family byte, block []byte) (Header, error) {
	switch {
	case family == tcp4 && len(block) >= size4:
		return Header{netip.AddrPortFrom(netip.AddrFrom4([4]byte(block)), binary.BigEndian.Uint16(block[8:]))}, nil
	case family == tcp6 && len(block) >= size6:
		return Header{netip.AddrPortFrom(netip.AddrFrom16([16]byte(block)).Unmap(), binary.BigEndian.Uint16(block[32:]))}, nil
	case family == tcp4 || family == tcp6 || family>>4 > 3 || family&0xf > 2:
		return Header{}, ErrHeader
	}
	return Header{}, nil // UDP, unix sockets, unspecified
}
