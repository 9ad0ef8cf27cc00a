package handover

import (
	"net"
	"testing"
)

func TestASocketIsUsedAgainForTheSameAddressOnly(t *testing.T) {
	s := NewSockets()
	defer s.Close()
	port := func(address string) string {
		ln, err := s.Listen("web", address)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, p, _ := net.SplitHostPort(ln.Addr().String())
		return p
	}
	first := port("127.0.0.1:0")
	if again := port("127.0.0.1:0"); again != first {
		t.Errorf("the same address got %s, then %s", first, again)
	}
	if other := port("localhost:0"); other == first {
		t.Error("another address got the old socket")
	}
	if err := s.Keep(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", "127.0.0.1:"+first); err == nil {
		t.Error("a socket that was replaced is still there")
	}
}
