package builder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// registryConnect bounds how long a connection to a registry may take to be made.
const registryConnect = 30 * time.Second

// closedAddressError says that a registry is where csph does not go.
type closedAddressError struct{ addr netip.Addr }

func (e *closedAddressError) Error() string {
	return fmt.Sprintf("%s is an address of this machine or of its network segment alone", e.addr)
}

// registryTransport reaches the registries that users name, wherever their names resolve to at the moment of the connection:
// public ones and those of private networks, not this machine's own services nor what answers on link-local addresses
// only (the metadata of clouds), unless Config.Registries opens them. A proxy that the machine is configured for is the
// operator's choice, wherever it is. Who takes it closes its idle connections.
func (b *Builder) registryTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	open := &net.Dialer{Timeout: registryConnect}
	guarded := &net.Dialer{Timeout: registryConnect, Control: b.mayReach}
	proxies := machineProxies()
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if slices.Contains(proxies, address) {
			return open.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}
	return t
}

// mayReach is called for every connection once its address is known and before it is made (net.Dialer.Control).
func (b *Builder) mayReach(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address %q: %w", address, err)
	}
	addr := at.Addr().Unmap().WithZone("")
	if addr.IsGlobalUnicast() || slices.ContainsFunc(b.config.Registries, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return nil
	}
	return &closedAddressError{addr}
}

// machineProxies are the addresses of the proxies that the environment of csphd names.
func machineProxies() (all []string) {
	for _, scheme := range []string{"http", "https"} {
		u, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: scheme, Host: "registry.invalid"}})
		if err != nil || u == nil {
			continue
		}
		port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.Scheme])
		all = append(all, net.JoinHostPort(u.Hostname(), port))
	}
	return all
}

// unreached says, where err comes of it, that a registry's address may not be reached, and who can open it.
func unreached(err error) (message, hint string, closed bool) {
	var c *closedAddressError
	if !errors.As(err, &c) {
		return "", "", false
	}
	return "the registry is not reached: " + c.Error(), "whoever looks after csphd can allow it: registries.allow in its configuration", true
}
