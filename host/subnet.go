package host

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

// resolvConf files name the resolvers that containers will use; a subnet must not swallow one.
var resolvConf = []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}

// freeSubnets picks n /16 networks out of 10.64.0.0 – 10.253.0.0 that overlap none of taken, beginning
// at a place that differs between ids, so that even instances that cannot see each other rarely meet.
func freeSubnets(id string, taken []netip.Prefix, n int) ([]netip.Prefix, error) {
	const first, count = 64, 190
	seed, err := strconv.ParseUint(id, 16, 32)
	if err != nil {
		return nil, fmt.Errorf("choose subnets: %w", err)
	}
	var free []netip.Prefix
	for i := range uint64(count) {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(first + (seed+i)%count), 0, 0}), 16)
		if !overlaps(p, taken) {
			free = append(free, p)
		}
		if len(free) == n {
			return free, nil
		}
	}
	return nil, errors.New("choose subnets: no two /16 networks of 10.64.0.0–10.253.0.0 are free; remove a route or an instance that covers them")
}

func overlaps(p netip.Prefix, taken []netip.Prefix) bool {
	for _, t := range taken {
		if p.Overlaps(t) {
			return true
		}
	}
	return false
}

// takenPrefixes lists every network that the host's interfaces, routes, resolvers and other instances use.
func takenPrefixes(known []record) ([]netip.Prefix, error) {
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list the host's addresses: %w", err)
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list the host's routes: %w", err)
	}
	var taken []netip.Prefix
	for _, k := range known {
		taken = append(taken, k.Apps, k.Builds)
	}
	for _, a := range addrs {
		taken = appendNet(taken, a.IPNet)
	}
	for _, r := range routes {
		taken = appendNet(taken, r.Dst)
	}
	for _, s := range nameservers(resolvConf...) {
		taken = append(taken, netip.PrefixFrom(s, s.BitLen()))
	}
	return taken, nil
}

// appendNet adds n unless it is the default route, which overlaps everything and says nothing.
func appendNet(taken []netip.Prefix, n *net.IPNet) []netip.Prefix {
	if n == nil {
		return taken
	}
	ip, ok := netip.AddrFromSlice(n.IP.To4())
	ones, _ := n.Mask.Size()
	if !ok || ones == 0 {
		return taken
	}
	return append(taken, netip.PrefixFrom(ip, ones).Masked())
}

// nameservers returns the addresses on the nameserver lines of files (resolv.conf(5)); files that
// cannot be read and addresses that cannot be parsed are passed over.
func nameservers(files ...string) []netip.Addr {
	var found []netip.Addr
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		for sc := bufio.NewScanner(f); sc.Scan(); {
			w := strings.Fields(sc.Text())
			if len(w) < 2 || w[0] != "nameserver" {
				continue
			}
			if a, err := netip.ParseAddr(w[1]); err == nil {
				found = append(found, a.Unmap())
			}
		}
		f.Close()
	}
	return found
}
