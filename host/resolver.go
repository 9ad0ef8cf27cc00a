package host

import (
	"net"
	"net/netip"
	"slices"
)

// Resolvers lists the DNS servers that the host uses, as an app can name them: a forwarder on the host's
// loopback, which apps cannot reach, is replaced by the servers it forwards to where systemd-resolved tells
// them. A loopback address in the answer means that there is only that forwarder; see Nameservers. Apps have
// no IPv6, so only IPv4 addresses are given.
func Resolvers() []netip.Addr { return resolvers(resolvConf) }

func resolvers(files []string) []netip.Addr {
	var loopback []netip.Addr
	for _, file := range files {
		all := slices.DeleteFunc(nameservers(file), func(a netip.Addr) bool { return !a.Is4() })
		direct := slices.DeleteFunc(slices.Clone(all), netip.Addr.IsLoopback)
		if len(direct) > 0 {
			return direct
		}
		loopback = append(loopback, all...)
	}
	return loopback
}

// Nameservers is what the apps on n write in their resolv.conf for resolvers: the same, but the network's
// gateway in the place of a loopback address. The packet filter sends what the gateway gets to the loopback.
func (n Network) Nameservers(resolvers []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, r := range resolvers {
		if r.IsLoopback() {
			r = n.Gateway
		}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// localResolver reports whether one of resolvers is on this host, and its loopback address when it is
// reachable by that alone.
func localResolver(resolvers []netip.Addr) (local bool, loopback netip.Addr) {
	own, err := net.InterfaceAddrs()
	if err != nil {
		own = nil // without the list only loopback resolvers are known to be local
	}
	for _, r := range resolvers {
		if r.IsLoopback() && !loopback.IsValid() {
			loopback = r
		}
		local = local || r.IsLoopback() || slices.ContainsFunc(own, func(a net.Addr) bool {
			p, err := netip.ParsePrefix(a.String())
			return err == nil && p.Addr() == r
		})
	}
	return local, loopback
}
