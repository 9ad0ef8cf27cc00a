package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"csph/host"
)

func (c Config) cniPath() string { return filepath.Join(c.buildkitDir(), "builds.conflist") }

// Bridge is the name of the bridge that an instance's build steps are on.
func Bridge(i *host.Instance) string { return i.BuildBridge() }

func tableName(i *host.Instance) string { return "csph_" + i.ID + "_builds" }

// cniConfig is the network of build steps: a bridge of their own, whose ports cannot reach each other.
func (c Config) cniConfig() ([]byte, error) {
	mtu, err := uplinkMTU()
	if err != nil {
		return nil, err
	}
	type object = map[string]any
	b, err := json.MarshalIndent(object{
		"cniVersion": "1.0.0", "name": "csph-builds",
		"plugins": []any{object{
			"type": "bridge", "bridge": Bridge(c.Host), "isGateway": true, "ipMasq": false, "portIsolation": true, "mtu": mtu,
			"ipam": object{
				"type": "host-local", "dataDir": filepath.Join(c.buildkitDir(), "addresses"),
				"ranges": []any{[]any{object{"subnet": c.Host.Builds.String()}}},
				"routes": []any{object{"dst": "0.0.0.0/0"}},
			},
		}},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the network of builds: %w", err)
	}
	return b, nil
}

// uplinkMTU is the packet size of the link that the default route leaves by: a larger one in the steps
// makes downloads hang where path discovery is blocked. 1500 without a default route.
func uplinkMTU() (int, error) {
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Dst: nil}, netlink.RT_FILTER_DST)
	if err != nil {
		return 0, fmt.Errorf("find the default route: %w", err)
	}
	mtu := 1500
	for _, r := range routes {
		link, err := netlink.LinkByIndex(r.LinkIndex)
		if err == nil && link.Attrs().MTU > 0 {
			mtu = min(mtu, link.Attrs().MTU)
		}
	}
	return mtu, nil
}

// unreachable are the networks that builds have no business in: this host, its neighbours and other
// containers, cloud metadata (RFC 6890, RFC 3927, RFC 6598).
var unreachable = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
}

// firewall is the nft script that replaces the table of an instance's builds. Steps reach the internet,
// the resolvers and mirrors; nothing else, not even the host's own addresses.
func firewall(i *host.Instance, resolvers []netip.Addr, mirrors []netip.AddrPort) string {
	bridge, table := Bridge(i), tableName(i)
	allow := ""
	if len(mirrors) > 0 {
		pairs := make([]string, len(mirrors))
		for n, m := range mirrors {
			pairs[n] = fmt.Sprintf("%s . %d", m.Addr(), m.Port())
		}
		allow += "    ip daddr . tcp dport { " + strings.Join(pairs, ", ") + " } accept\n"
	}
	if len(resolvers) > 0 {
		addrs := make([]string, len(resolvers))
		for n, r := range resolvers {
			addrs[n] = r.String()
		}
		allow += "    ip daddr { " + strings.Join(addrs, ", ") + " } meta l4proto { tcp, udp } th dport 53 accept\n"
	}
	return fmt.Sprintf(`table inet %[1]s
delete table inet %[1]s
table inet %[1]s {
  chain leaving {
    meta nfproto ipv6 drop
%[3]s    ip daddr { %[4]s } drop
  }
  chain arriving {
%[3]s    drop
  }
  chain forward {
    type filter hook forward priority filter - 5; policy accept;
    iifname %[2]q jump leaving
    oifname %[2]q ct state != { established, related } drop
  }
  chain input {
    type filter hook input priority filter - 5; policy accept;
    iifname %[2]q jump arriving
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr %[5]s oifname != %[2]q masquerade
  }
}
`, table, bridge, allow, strings.Join(unreachable, ", "), i.Builds)
}

// applyFirewall puts the table in place in one step; steps that run keep their connections.
func (b *Builder) applyFirewall(ctx context.Context) error {
	mirrors := privateMirrors(ctx, b.config.Settings.endpoints())
	script := firewall(b.config.Host, resolvers(), mirrors)
	if script == b.firewall {
		return nil
	}
	if err := nft(ctx, script); err != nil {
		return fmt.Errorf("fence the network of builds: %w", err)
	}
	b.firewall = script
	return nil
}

func nft(ctx context.Context, script string) error {
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w; install it with: apt-get install nftables", err)
	}
	if err != nil {
		return fmt.Errorf("nft: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// RemoveNetwork removes the bridge and the table of an instance's builds; none may run. Removing what is
// not there is no error.
func RemoveNetwork(ctx context.Context, i *host.Instance) error {
	table := tableName(i)
	err := nft(ctx, fmt.Sprintf("table inet %[1]s\ndelete table inet %[1]s\n", table))
	link, lerr := netlink.LinkByName(Bridge(i))
	if lerr == nil {
		lerr = netlink.LinkDel(link)
	} else if errors.As(lerr, new(netlink.LinkNotFoundError)) {
		lerr = nil
	}
	if err := errors.Join(err, lerr); err != nil {
		return fmt.Errorf("remove the network of builds: %w", err)
	}
	return nil
}

// resolvers are the IPv4 name servers that BuildKit gives to steps: the host's own, or where that is a
// local stub those behind it.
func resolvers() []netip.Addr {
	var found []netip.Addr
	for _, file := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 2 || f[0] != "nameserver" {
				continue
			}
			if a, err := netip.ParseAddr(f[1]); err == nil && a.Is4() && !a.IsLoopback() && !slices.Contains(found, a) {
				found = append(found, a)
			}
		}
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return found
}
