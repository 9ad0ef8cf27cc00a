package router

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"

	"csph/router/proxyproto"
)

// contains reports whether a is in one of the networks.
func contains(networks []netip.Prefix, a netip.Addr) bool {
	for _, p := range networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// peerOf returns the address at the other end of conn, invalid when it is not an IP address. Where that
// is a load balancer of Config.ProxyFrom, it reads its header and returns the address that it tells.
func (r *Router) peerOf(conn net.Conn) (netip.Addr, error) {
	peer := addrOf(conn.RemoteAddr())
	if !contains(r.proxyFrom, peer) {
		return peer, nil
	}
	if c, ok := conn.(*tls.Conn); ok {
		conn = c.NetConn()
	}
	if err := conn.SetReadDeadline(time.Now().Add(r.limits.HeadTimeout)); err != nil {
		return peer, fmt.Errorf("limit the wait for the PROXY protocol header: %w", err)
	}
	header, err := proxyproto.Read(conn)
	if err != nil {
		return peer, err
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return peer, fmt.Errorf("take back the limit of the wait for the PROXY protocol header: %w", err)
	}
	if header.Source.IsValid() {
		peer = header.Source.Addr().Unmap()
	}
	return peer, nil
}

func addrOf(a net.Addr) netip.Addr {
	var at netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		at = a.AddrPort()
	case *net.UDPAddr:
		at = a.AddrPort()
	}
	return at.Addr().Unmap().WithZone("")
}
