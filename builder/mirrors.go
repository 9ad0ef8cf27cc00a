package builder

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// endpoints are the host:port pairs that the settings name: registries, mirrors, proxies.
func (s HostSettings) endpoints() []string {
	var found []string
	add := func(text string) {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",|; \t\n\"'", r) }) {
			if e, ok := endpoint(word); ok && !slices.Contains(found, e) {
				found = append(found, e)
			}
		}
	}
	for _, v := range s.Env {
		add(v)
	}
	add(strings.ReplaceAll(string(s.NPMRC), "=", " "))
	add(string(s.AptConf))
	for _, source := range s.AptSources {
		add(source)
	}
	slices.Sort(found)
	return found
}

// endpoint is the host and port of a URL; false for words that are none.
func endpoint(word string) (string, bool) {
	u, err := url.Parse(word)
	if err != nil || u.Hostname() == "" {
		return "", false
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "http":
		port = "80"
	case u.Scheme == "https", u.Scheme == "":
		port = "443"
	default:
		return "", false
	}
	return net.JoinHostPort(u.Hostname(), port), true
}

// privateMirrors resolves endpoints and returns those addresses that the fence would keep builds from.
// Names that do not resolve are passed over: nothing can be downloaded from them either.
func privateMirrors(ctx context.Context, endpoints []string) []netip.AddrPort {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var found []netip.AddrPort
	for _, e := range endpoints {
		host, portText, err := net.SplitHostPort(e)
		if err != nil {
			continue
		}
		port, err := strconv.ParseUint(portText, 10, 16)
		if err != nil {
			continue
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		if err != nil {
			continue
		}
		for _, a := range addrs {
			ap := netip.AddrPortFrom(a.Unmap(), uint16(port))
			if fenced(a.Unmap()) && !slices.Contains(found, ap) {
				found = append(found, ap)
			}
		}
	}
	slices.SortFunc(found, netip.AddrPort.Compare)
	return found
}

// fenced reports whether builds are kept from a by default. A mirror on the host's own loopback stays
// out of reach, since a step's loopback is its own.
func fenced(a netip.Addr) bool {
	if a.IsLoopback() {
		return false
	}
	if ownAddress(a) {
		return true
	}
	for _, p := range unreachable {
		if netip.MustParsePrefix(p).Contains(a) {
			return true
		}
	}
	return false
}

func ownAddress(a netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(addrs, func(own net.Addr) bool {
		p, err := netip.ParsePrefix(own.String())
		return err == nil && p.Addr() == a
	})
}
