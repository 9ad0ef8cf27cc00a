package containerd

import (
	"net/netip"
	"testing"

	"csph/host"
)

func TestAddressesGoRoundBeforeOneIsUsedAgain(t *testing.T) {
	gateway := netip.MustParseAddr("10.64.4.1")
	p := &pool{net: host.Network{Prefix: netip.MustParsePrefix("10.64.4.0/22"), Gateway: gateway}, used: map[netip.Addr]bool{}, last: gateway}
	seen := map[netip.Addr]bool{}
	for range 1021 { // 1024 less the network, the gateway and the broadcast address
		addr, ok := p.free()
		if !ok || seen[addr] || addr == gateway || addr == netip.MustParseAddr("10.64.4.0") || addr == netip.MustParseAddr("10.64.7.255") {
			t.Fatalf("after %d addresses: %s, %v", len(seen), addr, ok)
		}
		seen[addr], p.last = true, addr
	}
	if addr, ok := p.free(); !ok || addr != gateway.Next() {
		t.Errorf("after the last address comes %s", addr)
	}
	p.used = seen
	if addr, ok := p.free(); ok {
		t.Errorf("with all in use %s is free", addr)
	}
}
