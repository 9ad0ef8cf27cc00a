package dnscheck

import "net/netip"

// proxyOf names the CDN that all addresses belong to, "" when there is none such.
func proxyOf(addresses []netip.Addr) string {
	found := ""
	for _, a := range addresses {
		name := ownerOf(a)
		if name == "" || found != "" && name != found {
			return ""
		}
		found = name
	}
	return found
}

func ownerOf(a netip.Addr) string {
	for _, p := range proxies {
		if p.prefix.Contains(a) {
			return p.name
		}
	}
	return ""
}

type proxy struct {
	name   string
	prefix netip.Prefix
}

// proxies are the published address ranges of CDNs that answer in place of the server behind them.
var proxies = concat(
	ranges("Cloudflare",
		"173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18",
		"108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17",
		"162.158.0.0/15", "104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22",
		"2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32", "2405:8100::/32",
		"2a06:98c0::/29", "2c0f:f248::/32"),
	ranges("Fastly", "151.101.0.0/16", "199.232.0.0/16", "146.75.0.0/17", "2a04:4e40::/32", "2a04:4e42::/32"),
)

func ranges(name string, prefixes ...string) []proxy {
	all := make([]proxy, len(prefixes))
	for i, p := range prefixes {
		all[i] = proxy{name, netip.MustParsePrefix(p)}
	}
	return all
}

func concat(lists ...[]proxy) (all []proxy) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
