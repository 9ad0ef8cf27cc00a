package builder

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"csph/buildpacks"
	"csph/host"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// accept takes connections on ln until the test ends.
func accept(t *testing.T, ln net.Listener) netip.AddrPort {
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

func listen(t *testing.T, addr string) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp4", addr)
	must(t, err)
	return accept(t, ln)
}

// appAddress is a listener behind a bridge of the app network, in a network namespace of its own, as a
// spherelet is.
func appAddress(t *testing.T, i *host.Instance) netip.AddrPort {
	t.Helper()
	a4 := i.Apps.Addr().As4()
	gateway, app := netip.AddrFrom4([4]byte{a4[0], a4[1], 77, 1}), netip.AddrFrom4([4]byte{a4[0], a4[1], 77, 2})
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "cspt" + i.ID}}
	must(t, netlink.LinkAdd(bridge))
	t.Cleanup(func() { netlink.LinkDel(bridge) })
	must(t, netlink.AddrAdd(bridge, &netlink.Addr{IPNet: subnet24(gateway)}))
	must(t, netlink.LinkSetUp(bridge))

	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	home, err := netns.Get()
	must(t, err)
	defer home.Close()
	inside, err := netns.New() // and the thread is in it
	must(t, err)
	t.Cleanup(func() { inside.Close() })
	ln, err := listenInside(home, i.ID, gateway, app)
	must(t, netns.Set(home))
	must(t, err)
	outer, err := netlink.LinkByName("csph" + i.ID + "t")
	must(t, err)
	must(t, netlink.LinkSetMaster(outer, bridge))
	must(t, netlink.LinkSetUp(outer))
	return accept(t, ln)
}

// listenInside is called in the new namespace; the outer end of the veth pair goes to home.
func listenInside(home netns.NsHandle, id string, gateway, app netip.Addr) (net.Listener, error) {
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "csph" + id + "t", PeerNamespace: netlink.NsFd(home),
	}
	if err := netlink.LinkAdd(veth); err != nil {
		return nil, err
	}
	if err := netlink.AddrAdd(veth, &netlink.Addr{IPNet: subnet24(app)}); err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(veth); err != nil {
		return nil, err
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: veth.Index, Gw: gateway.AsSlice()}); err != nil {
		return nil, err
	}
	return net.Listen("tcp4", netip.AddrPortFrom(app, 0).String())
}

func subnet24(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(24, 32)}
}

// hostAddress is an address of the host that the outside knows.
func hostAddress(t *testing.T) netip.Addr {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	must(t, err)
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			return p.Addr()
		}
	}
	t.Fatal("the host has no address")
	return netip.Addr{}
}

func reachable(addr netip.AddrPort) bool {
	c, err := net.DialTimeout("tcp", addr.String(), 2*time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func TestABuildStepReachesNeitherAppsNorTheHostNorMetadata(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(3 * time.Minute)
	gateway := l.host.Builds.Addr().Next()
	targets := map[string]netip.AddrPort{
		"an app":                     appAddress(t, l.host),
		"the host":                   listen(t, netip.AddrPortFrom(hostAddress(t), 0).String()),
		"the host, at their gateway": netip.AddrPortFrom(gateway, listen(t, "0.0.0.0:0").Port()),
	}
	for name, addr := range targets {
		if !reachable(addr) {
			t.Fatalf("%s (%s) is not reachable from the host: the test would show nothing", name, addr)
		}
	}
	targets["metadata"] = netip.MustParseAddrPort("169.254.169.254:80")
	var script strings.Builder
	for _, addr := range targets {
		fmt.Fprintf(&script, "if timeout 2 bash -c '</dev/tcp/%s/%d'; then echo reached %s; else echo kept from %s; fi\n", addr.Addr(), addr.Port(), addr, addr)
	}
	if err := l.buildShell(ctx, "dep_fence", script.String()); err != nil {
		t.Fatal(err)
	}
	text := l.logText("dep_fence")
	for name, addr := range targets {
		if !strings.Contains(text, "O kept from "+addr.String()+"\n") {
			t.Errorf("a build step reaches %s", name)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestBuildStepsReachAMirrorInAPrivateNetworkAndNothingElseThere(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(3 * time.Minute)
	mirror, other := appAddress(t, l.host), netip.AddrPort{}
	other = netip.AddrPortFrom(mirror.Addr(), mirror.Port()+1)
	script := firewall(l.host, resolvers(), []netip.AddrPort{mirror})
	must(t, nft(ctx, script))
	t.Cleanup(func() { must(t, nft(context.Background(), firewall(l.host, resolvers(), nil))) })
	step := ""
	for _, a := range []netip.AddrPort{mirror, other} {
		step += fmt.Sprintf("timeout 2 bash -c '</dev/tcp/%s/%d' && echo reached %s || echo kept from %s\n", a.Addr(), a.Port(), a, a)
	}
	must(t, l.buildShell(ctx, "dep_mirror", step))
	if text := l.logText("dep_mirror"); !strings.Contains(text, "O reached "+mirror.String()) || !strings.Contains(text, "O kept from "+other.String()) {
		t.Errorf("the log is\n%s", text)
	}
}

func TestModulesAndPackagesAreDownloadedInsideBuilds(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(10 * time.Minute)
	plan := buildpacks.Plan{
		Language: "node", Start: "node index.js", BuildImage: "docker.io/library/node:22-bookworm-slim", RunImage: "docker.io/library/node:22-bookworm-slim",
		BuildEnv: map[string]string{"HOME": "/root"},
		Steps: []buildpacks.Step{
			{Name: "install dependencies", Command: "npm install --no-audit --no-fund", Inputs: []string{"package.json"}, Caches: []string{"/root/.npm"}},
			{Name: "run", Command: "node index.js && npx --version && corepack --version && yarn --version"},
		},
		Copy: []buildpacks.Copy{{From: "/app", To: "/app"}},
	}
	dir := source(t, map[string]string{
		"package.json": `{"name":"web","dependencies":{"ms":"2.1.3"}}`,
		"index.js":     `console.log("one hour is", require("ms")("1h"))`,
	})
	request := Request{Deployment: "dep_npm", Service: "svc_npm", Dir: dir, Plan: plan}
	if _, err := l.Build(ctx, request); err != nil {
		t.Fatalf("%v\n%s", err, l.logText("dep_npm"))
	}
	if text := l.logText("dep_npm"); !strings.Contains(text, "O one hour is 3600000") {
		t.Errorf("the log is\n%s", text)
	}
	write(t, dir+"/index.js", `console.log("changed")`)
	request.Deployment = "dep_npm2"
	if _, err := l.Build(ctx, request); err != nil {
		t.Fatal(err)
	}
	if text := l.logText("dep_npm2"); !strings.Contains(text, "S install dependencies  cached") || !strings.Contains(text, "O changed") {
		t.Errorf("a change of the source runs the install again:\n%s", text)
	}
}

func TestEndpointsAreFoundInEveryKindOfSetting(t *testing.T) {
	s := HostSettings{
		Env: map[string]string{
			"GOPROXY": "https://go.example.com/mod|http://other.example.com:3000,direct", "HTTPS_PROXY": "http://user:secret@proxy.example.com:3128", "GOSUMDB": "off",
		},
		NPMRC:      []byte("registry=https://npm.example.com/x/\n//npm.example.com/x/:_authToken=abc\n"),
		AptConf:    []byte(`Acquire::http::Proxy "http://apt.example.com:3142";` + "\n"),
		AptSources: []string{"http://deb.example.com/debian"},
	}
	want := []string{"apt.example.com:3142", "deb.example.com:80", "go.example.com:443", "npm.example.com:443", "other.example.com:3000", "proxy.example.com:3128"}
	if got := s.endpoints(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOnlyMirrorsInPrivateNetworksNeedALeaveOfTheirOwn(t *testing.T) {
	got := privateMirrors(context.Background(), []string{"10.1.2.3:443", "127.0.0.1:80", "8.8.8.8:443", "172.20.0.1:8080", "nohost.invalid:80"})
	want := []netip.AddrPort{netip.MustParseAddrPort("10.1.2.3:443"), netip.MustParseAddrPort("172.20.0.1:8080")}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
