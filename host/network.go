package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"

	"csph/platform"
)

const (
	networksFile = "networks.json" // project id → number of its network
	networkBits  = 22
	maxNetworks  = 1 << (networkBits - 16)
)

// Network is the bridge of one project, and the addresses on it.
type Network struct {
	Bridge  string
	Prefix  netip.Prefix // /22 of the instance's Apps
	Gateway netip.Addr   // the host's end, the first address of Prefix
}

// BuildBridge is the name of the bridge that build steps are attached to. The builder makes it; the apps'
// packet filter keeps apps away from it.
func (i *Instance) BuildBridge() string { return i.linkPrefix() + "b" }

// linkPrefix begins the name of every network interface of the instance.
func (i *Instance) linkPrefix() string { return "cs" + i.ID }

// JoinNetwork returns the network of a project, making its bridge when it is not there. A project keeps
// its network until LeaveNetwork. At most 64 projects have one at a time; platform.ErrCapacity after that.
func (i *Instance) JoinNetwork(project string) (Network, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	n, err := i.assignNetwork(project)
	if err != nil {
		return Network{}, fmt.Errorf("join the network of project %s: %w", project, err)
	}
	net := i.network(n)
	if err := ensureBridge(net); err != nil {
		return Network{}, fmt.Errorf("make bridge %s of project %s: %w", net.Bridge, project, err)
	}
	return net, nil
}

// LeaveNetwork removes a project's bridge and frees its addresses. Nothing may be attached to it any more.
func (i *Instance) LeaveNetwork(project string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	numbers, err := i.networks()
	if err != nil {
		return err
	}
	n, ok := numbers[project]
	if !ok {
		return nil
	}
	if err := deleteLink(i.network(n).Bridge); err != nil {
		return fmt.Errorf("remove the bridge of project %s: %w", project, err)
	}
	delete(numbers, project)
	return writeJSON(filepath.Join(i.Dir, networksFile), numbers)
}

// assignNetwork returns the number of a project's network, the lowest free one for a new project.
func (i *Instance) assignNetwork(project string) (int, error) {
	numbers, err := i.networks()
	if err != nil {
		return 0, err
	}
	if n, ok := numbers[project]; ok {
		return n, nil
	}
	used := make([]bool, maxNetworks)
	for _, n := range numbers {
		used[n] = true
	}
	for n := range maxNetworks {
		if !used[n] {
			numbers[project] = n
			return n, writeJSON(filepath.Join(i.Dir, networksFile), numbers)
		}
	}
	return 0, fmt.Errorf("%w: this server runs %d projects already, the most it has networks for; suspend one", platform.ErrCapacity, maxNetworks)
}

func (i *Instance) networks() (map[string]int, error) {
	numbers := map[string]int{}
	b, err := os.ReadFile(filepath.Join(i.Dir, networksFile))
	if errors.Is(err, os.ErrNotExist) {
		return numbers, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &numbers)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", networksFile, err)
	}
	for project, n := range numbers {
		if n < 0 || n >= maxNetworks {
			return nil, fmt.Errorf("read %s: project %s has network %d, which does not exist", networksFile, project, n)
		}
	}
	return numbers, nil
}

func (i *Instance) network(n int) Network {
	a := i.Apps.Addr().As4()
	a[2] = byte(n << (24 - networkBits))
	prefix := netip.PrefixFrom(netip.AddrFrom4(a), networkBits)
	return Network{Bridge: i.bridgeName(n), Prefix: prefix, Gateway: prefix.Addr().Next()}
}

// networkOf is the network that addr belongs to.
func (i *Instance) networkOf(addr netip.Addr) Network {
	return i.network(int(addr.As4()[2]) >> (24 - networkBits))
}

func (i *Instance) bridgeName(n int) string { return fmt.Sprintf("%sp%d", i.linkPrefix(), n) }

// ensureBridge makes the bridge as it should be, whatever is there of it. Its MAC is fixed: one taken from
// the ports would change as they come and go, and stall the neighbours that remember it.
func ensureBridge(n Network) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr, attrs.MTU = n.Bridge, macOf(n.Gateway), uplinkMTU()
	err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs})
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	link, err := netlink.LinkByName(n.Bridge)
	if err != nil {
		return err
	}
	err = netlink.AddrReplace(link, &netlink.Addr{IPNet: ipNet(n.Gateway, n.Prefix.Bits())})
	if err != nil {
		return err
	}
	if err := allowLoopbackResolver(n.Bridge); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// allowLoopbackResolver lets packets from the bridge be sent on to the host's loopback where the only
// resolver is there. The packet filter lets nothing but DNS take that way.
func allowLoopbackResolver(bridge string) error {
	if _, loopback := localResolver(Resolvers()); !loopback.IsValid() {
		return nil
	}
	return letLoopbackIn(bridge)
}

func letLoopbackIn(bridge string) error {
	return os.WriteFile("/proc/sys/net/ipv4/conf/"+bridge+"/route_localnet", []byte("1"), 0)
}

func deleteLink(name string) error {
	link, err := netlink.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if errors.Is(err, syscall.ENODEV) {
		return nil
	}
	return err
}

// links lists the instance's network interfaces.
func (i *Instance) links() ([]string, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var own []string
	for _, l := range all {
		if strings.HasPrefix(l.Name, i.linkPrefix()) {
			own = append(own, l.Name)
		}
	}
	return own, nil
}

// uplinkMTU is the MTU of the interface with the default route: packets of the apps leave through it.
func uplinkMTU() int {
	const ethernet = 1500
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return ethernet
	}
	for _, r := range routes {
		if r.Dst != nil && r.Dst.IP != nil && !r.Dst.IP.IsUnspecified() {
			continue
		}
		if link, err := netlink.LinkByIndex(r.LinkIndex); err == nil {
			return link.Attrs().MTU
		}
	}
	return ethernet
}

// macOf derives a MAC from an address: an address that is used again keeps its MAC, so that no neighbour
// talks to the old one until its ARP entry times out.
func macOf(a netip.Addr) net.HardwareAddr {
	b := a.As4()
	return net.HardwareAddr{0x02, 0x42, b[0], b[1], b[2], b[3]}
}

func ipNet(a netip.Addr, bits int) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, a.BitLen())}
}
