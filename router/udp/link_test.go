package udp

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"
)

func pair(t *testing.T) (here, there *link) {
	t.Helper()
	here, file, err := newLink()
	if err != nil {
		t.Fatal(err)
	}
	if there, err = linkOf(file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLinks([]*link{here, there}) })
	return here, there
}

func message(from *net.UDPAddr, oob, data []byte) *ipv4.Message {
	return &ipv4.Message{Addr: from, OOB: oob, NN: len(oob), Buffers: [][]byte{data}, N: len(data)}
}

func empty(n int) []ipv4.Message {
	ms := make([]ipv4.Message, n)
	for i := range ms {
		ms[i] = ipv4.Message{OOB: make([]byte, maxOOB), Buffers: [][]byte{make([]byte, 1452)}}
	}
	return ms
}

func TestAForwardedPacketKeepsItsSenderAndWhatTheKernelSaidOfIt(t *testing.T) {
	here, there := pair(t)
	for _, from := range []*net.UDPAddr{
		{IP: net.IPv4(192, 0, 2, 7).To4(), Port: 1}, {IP: net.ParseIP("2001:db8::1"), Port: 65535}, {IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 443},
	} {
		oob, data := []byte("control messages"), bytes.Repeat([]byte("x"), 1452)
		if err := here.forward(message(from, oob, data)); err != nil {
			t.Fatal(err)
		}
		ms := empty(8)
		n, err := there.readBatch(ms)
		if err != nil || n != 1 {
			t.Fatalf("%d packets: %v", n, err)
		}
		m, at := ms[0], ms[0].Addr.(*net.UDPAddr)
		if !at.IP.Equal(from.IP) || at.Port != from.Port || at.Zone != from.Zone {
			t.Errorf("from %s, want %s", at, from)
		}
		if !bytes.Equal(m.OOB[:m.NN], oob) || !bytes.Equal(m.Buffers[0][:m.N], data) {
			t.Errorf("%d bytes and %q", m.N, m.OOB[:m.NN])
		}
	}
}

func TestALinkThatNobodyReadsDropsPacketsAndDoesNotBlock(t *testing.T) {
	here, there := pair(t)
	m := message(&net.UDPAddr{IP: net.IPv4zero}, nil, make([]byte, 1400))
	began := time.Now()
	for range 20_000 { // 28 MB
		if err := here.forward(m); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > patience {
		t.Errorf("it took %s", took)
	}
	arrived := 0
	for ms := empty(8); ; {
		if err := there.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := there.readBatch(ms)
		if err != nil {
			break
		}
		arrived += n
	}
	if arrived < 50 || arrived >= 20_000 {
		t.Errorf("%d packets waited in the link", arrived)
	}
	if err := there.close(); err != nil {
		t.Fatal(err)
	}
	if here.forward(m) == nil || !here.ended() {
		t.Error("nobody is there, and it was not noticed")
	}
}

func FuzzAddressee(f *testing.F) {
	id, err := generation(7).GenerateConnectionID()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append([]byte{0x40}, append(id.Bytes(), make([]byte, 20)...)...))
	f.Add(append([]byte{0xe0, 0, 0, 0, 1, idLength}, append(id.Bytes(), make([]byte, 20)...)...))
	f.Add(append([]byte{0xc0, 0, 0, 0, 1, 8, 7}, make([]byte, 20)...))
	f.Add([]byte{0xc0, 0, 0, 0, 1, 20})
	f.Fuzz(func(t *testing.T, packet []byte) {
		g, ok := addressee(packet)
		if !ok {
			return
		}
		// quic-go's own reading of the same bytes, as a client that was given ids of this length
		at := shortHeader
		if packet[0]&longHeader != 0 {
			at = longIDStarts
			if packet[idLengthAt] != idLength {
				t.Errorf("%x: an id of %d bytes is no server's", packet, packet[idLengthAt])
			}
		}
		if quic.ConnectionIDFromBytes(packet[at : at+idLength]).Bytes()[0] != byte(g) {
			t.Errorf("%x: generation %d", packet, g)
		}
	})
}

func TestAddressesOfConnectionsAreReadFromBothKindsOfHeader(t *testing.T) {
	id, err := generation(7).GenerateConnectionID()
	if err != nil || id.Len() != generation(7).ConnectionIDLen() {
		t.Fatal(id, err)
	}
	rest := make([]byte, 20)
	for name, c := range map[string]struct {
		packet []byte
		ok     bool
	}{
		"short":                     {append([]byte{0x40}, append(id.Bytes(), rest...)...), true},
		"long":                      {append([]byte{0xe0, 0, 0, 0, 1, idLength}, append(id.Bytes(), rest...)...), true},
		"a client's first":          {append([]byte{0xc0, 0, 0, 0, 1, 8}, append(id.Bytes(), rest...)...), false},
		"cut short":                 {append([]byte{0x40}, id.Bytes()...), false},
		"nothing":                   {nil, false},
		"a long one without any id": {append([]byte{0xc0, 0, 0, 0, 1, 0}, rest...), false},
	} {
		if g, ok := addressee(c.packet); ok != c.ok || ok && g != 7 {
			t.Errorf("%s: %d, %t", name, g, ok)
		}
	}
}
