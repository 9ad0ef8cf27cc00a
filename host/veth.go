package host

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Attach gives the network namespace of the process pid an interface eth0 with address addr on n, and a
// default route. Whatever was attached with that address before is detached first. The kernel removes the
// pair when the namespace ends.
func (i *Instance) Attach(n Network, addr netip.Addr, pid int) error {
	if !n.Prefix.Contains(addr) {
		return fmt.Errorf("attach %s to %s: the address is not of the network %s", addr, n.Bridge, n.Prefix)
	}
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return fmt.Errorf("open the network namespace of process %d: %w", pid, err)
	}
	defer ns.Close()
	if err := i.Detach(addr); err != nil {
		return err
	}
	if err := i.addVeth(n, addr, ns); err != nil {
		return fmt.Errorf("attach %s to %s: %w", addr, n.Bridge, err)
	}
	err = configure(n, addr, ns)
	if err == nil {
		err = i.connect(n, addr)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("give %s to process %d: %w", addr, pid, err), i.Detach(addr))
	}
	return nil
}

// Detach removes the interface pair of addr. Detaching what is not attached is no error.
func (i *Instance) Detach(addr netip.Addr) error {
	err := deleteLink(i.vethName(addr))
	if bridge, linkErr := netlink.LinkByName(i.networkOf(addr).Bridge); linkErr == nil {
		known := &netlink.Neigh{LinkIndex: bridge.Attrs().Index, IP: addr.AsSlice()}
		if delErr := netlink.NeighDel(known); !errors.Is(delErr, syscall.ENOENT) {
			err = errors.Join(err, delErr)
		}
	}
	if err != nil {
		return fmt.Errorf("detach %s: %w", addr, err)
	}
	return nil
}

// vethName is the host's end of the pair of addr; the instance's subnet is a /16, so two bytes tell all apart.
func (i *Instance) vethName(addr netip.Addr) string {
	b := addr.As4()
	return fmt.Sprintf("%sv%02x%02x", i.linkPrefix(), b[2], b[3])
}

func (i *Instance) addVeth(n Network, addr netip.Addr, ns netns.NsHandle) error {
	bridge, err := netlink.LinkByName(n.Bridge)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MasterIndex, attrs.MTU = i.vethName(addr), bridge.Attrs().Index, bridge.Attrs().MTU
	veth := &netlink.Veth{
		LinkAttrs: attrs, PeerName: "eth0", PeerMTU: uint32(attrs.MTU),
		PeerNamespace: netlink.NsFd(int(ns)), PeerHardwareAddr: macOf(addr),
	}
	return netlink.LinkAdd(veth)
}

// connect brings the host's end up, once the other end is, and waits until the bridge passes packets to it:
// the kernel gets to that a little later, and a first packet lost meanwhile costs its sender a second. For
// the same reason the host is told the MAC behind the address, and does not have to ask.
func (i *Instance) connect(n Network, addr netip.Addr) error {
	bridge, err := netlink.LinkByName(n.Bridge)
	if err != nil {
		return err
	}
	err = netlink.NeighSet(&netlink.Neigh{
		LinkIndex: bridge.Attrs().Index, State: netlink.NUD_PERMANENT, IP: addr.AsSlice(), HardwareAddr: macOf(addr),
	})
	if err != nil {
		return err
	}
	link, err := netlink.LinkByName(i.vethName(addr))
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	return awaitForwarding(link.Attrs().Name)
}

func awaitForwarding(port string) error {
	const forwarding = "3" // BR_STATE_FORWARDING, linux/if_bridge.h
	state := filepath.Join("/sys/class/net", port, "brport/state")
	deadline := time.Now().Add(2 * time.Second)
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, 5*time.Millisecond) {
		b, err := os.ReadFile(state)
		if err != nil || strings.TrimSpace(string(b)) == forwarding {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the bridge does not pass packets to %s after 2 s", port)
		}
		time.Sleep(pause)
	}
}

// configure sets up the inside of the namespace ns.
func configure(n Network, addr netip.Addr, ns netns.NsHandle) error {
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	eth, err := h.LinkByName("eth0")
	if err != nil {
		return err
	}
	if err := h.LinkSetUp(lo); err != nil {
		return err
	}
	if err := h.AddrAdd(eth, &netlink.Addr{IPNet: ipNet(addr, n.Prefix.Bits())}); err != nil {
		return err
	}
	if err := h.LinkSetUp(eth); err != nil {
		return err
	}
	return h.RouteAdd(&netlink.Route{LinkIndex: eth.Attrs().Index, Gw: n.Gateway.AsSlice()})
}
