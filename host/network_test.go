package host

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"csph/platform"
)

// TestMain lets a test run this program inside a network namespace of its own: it dials the addresses it
// reads, one a line, and says whether each answered.
func TestMain(m *testing.M) {
	if os.Getenv("CSPH_HOST_TEST_DIAL") == "" {
		os.Exit(m.Run())
	}
	for sc := bufio.NewScanner(os.Stdin); sc.Scan(); {
		network, addr, _ := strings.Cut(sc.Text(), " ")
		fmt.Println(dial(network, addr))
	}
}

func dial(network, addr string) string {
	c, err := net.DialTimeout(network, addr, 300*time.Millisecond)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := c.Write([]byte("ping")); err != nil {
		return err.Error()
	}
	if _, err := c.Read(make([]byte, 4)); err != nil {
		return err.Error()
	}
	return "ok"
}

// guest is a process in a network namespace of its own.
type guest struct {
	cmd   *exec.Cmd
	ask   *os.File
	reply *bufio.Scanner
}

func newGuest(t testing.TB) *guest {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "CSPH_HOST_TEST_DIAL=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return &guest{cmd: cmd, ask: in.(*os.File), reply: bufio.NewScanner(out)}
}

// dial reports what became of a connection out of the guest.
func (g *guest) dial(t *testing.T, network string, addr netip.AddrPort) string {
	t.Helper()
	fmt.Fprintf(g.ask, "%s %s\n", network, addr)
	if !g.reply.Scan() {
		t.Fatal("the guest has ended")
	}
	return g.reply.Text()
}

// serve answers on addr with tcp and udp from inside the namespace of the process pid, 0 for the host's.
func serve(t *testing.T, pid int, addr netip.AddrPort) {
	t.Helper()
	inNamespace(t, pid, func() {
		l, err := net.Listen("tcp4", addr.String())
		if err != nil {
			t.Error(err)
			return
		}
		p, err := net.ListenPacket("udp4", addr.String())
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { l.Close(); p.Close() })
		go answerTCP(l)
		go answerUDP(p)
	})
}

func answerTCP(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		c.Read(make([]byte, 4))
		c.Write([]byte("pong"))
		c.Close()
	}
}

func answerUDP(p net.PacketConn) {
	for b := make([]byte, 4); ; {
		_, from, err := p.ReadFrom(b)
		if err != nil {
			return
		}
		p.WriteTo([]byte("pong"), from)
	}
}

func TestAppsReachTheirProjectAndNothingElseOfTheHost(t *testing.T) {
	i := open(t)
	if err := i.Fence(t.Context(), Openings{TCP: []uint16{18099}}); err != nil {
		t.Fatal(err)
	}
	a, b := join(t, i, "prj_a"), join(t, i, "prj_b")
	app, mate, stranger := newGuest(t), newGuest(t), newGuest(t)
	appAddr := a.Gateway.Next()
	mateAddr, strangerAddr := appAddr.Next(), b.Gateway.Next()
	attach(t, i, a, appAddr, app)
	attach(t, i, a, mateAddr, mate)
	attach(t, i, b, strangerAddr, stranger)
	serve(t, mate.cmd.Process.Pid, netip.AddrPortFrom(mateAddr, 8080))
	serve(t, stranger.cmd.Process.Pid, netip.AddrPortFrom(strangerAddr, 8080))
	for _, port := range []uint16{18098, 18099} {
		serve(t, 0, netip.AddrPortFrom(netip.IPv4Unspecified(), port))
	}
	if got := dial("tcp", netip.AddrPortFrom(strangerAddr, 8080).String()); got != "ok" {
		t.Errorf("the host does not reach an app: %s", got)
	}
	for _, c := range []struct {
		what string
		addr netip.AddrPort
		open bool
	}{
		{"an app of its project", netip.AddrPortFrom(mateAddr, 8080), true},
		{"an app of another project", netip.AddrPortFrom(strangerAddr, 8080), false},
		{"an opened port of the host", netip.AddrPortFrom(a.Gateway, 18099), true},
		{"another port of the host", netip.AddrPortFrom(a.Gateway, 18098), false},
		{"the host on another project's gateway", netip.AddrPortFrom(b.Gateway, 18098), false},
	} {
		if got := app.dial(t, "tcp", c.addr); (got == "ok") != c.open {
			t.Errorf("an app that dials %s (%s): %s", c.what, c.addr, got)
		}
	}
}

func TestAnAppReachesTheHostsLoopbackResolverAndNothingElseThere(t *testing.T) {
	i := open(t)
	resolver := netip.MustParseAddr("127.0.0.77")
	if err := i.Fence(t.Context(), Openings{Resolvers: []netip.Addr{resolver}}); err != nil {
		t.Fatal(err)
	}
	n := join(t, i, "prj_a")
	if err := letLoopbackIn(n.Bridge); err != nil {
		t.Fatal(err)
	}
	app := newGuest(t)
	attach(t, i, n, n.Gateway.Next(), app)
	serve(t, 0, netip.AddrPortFrom(resolver, 53))
	serve(t, 0, netip.AddrPortFrom(resolver, 18097))
	named := n.Nameservers([]netip.Addr{resolver})
	if !slices.Equal(named, []netip.Addr{n.Gateway}) {
		t.Fatalf("apps are told to ask %v", named)
	}
	for _, network := range []string{"udp", "tcp"} {
		if got := app.dial(t, network, netip.AddrPortFrom(named[0], 53)); got != "ok" {
			t.Errorf("asking the resolver over %s: %s", network, got)
		}
	}
	if got := app.dial(t, "tcp", netip.AddrPortFrom(named[0], 18097)); got == "ok" {
		t.Error("an app reached another port of the host's loopback")
	}
}

func TestAnAddressCanBeUsedAgainAtOnce(t *testing.T) {
	i := open(t)
	n := join(t, i, "prj_a")
	addr := netip.AddrPortFrom(n.Gateway.Next(), 8080)
	for round := range 3 {
		g := newGuest(t)
		attach(t, i, n, addr.Addr(), g)
		serve(t, g.cmd.Process.Pid, addr)
		if got := dial("tcp", addr.String()); got != "ok" {
			t.Errorf("round %d: %s", round, got)
		}
	}
	if err := i.Detach(addr.Addr()); err != nil {
		t.Fatal(err)
	}
	if err := i.Detach(addr.Addr()); err != nil {
		t.Errorf("detaching what is not attached: %v", err)
	}
}

func TestAProjectKeepsItsNetworkAndLeavesItToTheNext(t *testing.T) {
	i := open(t)
	a := join(t, i, "prj_a")
	again, err := Open(i.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if b := join(t, again, "prj_b"); b.Prefix.Overlaps(a.Prefix) {
		t.Errorf("two projects got %s and %s", a.Prefix, b.Prefix)
	}
	if same := join(t, again, "prj_a"); same != a {
		t.Errorf("the project's network was %v, now %v", a, same)
	}
	if err := again.LeaveNetwork("prj_a"); err != nil {
		t.Fatal(err)
	}
	if links, err := i.links(); err != nil || slices.Contains(links, a.Bridge) {
		t.Errorf("the bridge is still there: %v, %v", links, err)
	}
	if c := join(t, again, "prj_c"); c != a {
		t.Errorf("the network that became free is %v, the next project got %v", a, c)
	}
}

func TestNetworksRunOutWithACapacityError(t *testing.T) {
	i := open(t)
	numbers := map[string]int{}
	for n := range maxNetworks {
		numbers[fmt.Sprint("prj_", n)] = n
	}
	if err := writeJSON(filepath.Join(i.Dir, networksFile), numbers); err != nil {
		t.Fatal(err)
	}
	if _, err := i.JoinNetwork("prj_new"); !errors.Is(err, platform.ErrCapacity) {
		t.Errorf("got %v", err)
	}
	last := i.network(maxNetworks - 1)
	if !i.Apps.Contains(last.Prefix.Addr()) || len(last.Bridge) > 15 {
		t.Errorf("the last network is %v", last)
	}
}

func TestLoopbackResolversGiveWayToTheServersBehindThem(t *testing.T) {
	dir := t.TempDir()
	stub, upstream := filepath.Join(dir, "stub"), filepath.Join(dir, "upstream")
	os.WriteFile(stub, []byte("search lan\nnameserver 127.0.0.53\noptions edns0\n"), 0o644)
	os.WriteFile(upstream, []byte("nameserver 192.0.2.7\nnameserver fe80::1%eth0\nnameserver bad\nnameserver\n"), 0o644)
	if got := fmt.Sprint(resolvers([]string{stub, upstream})); got != "[192.0.2.7]" {
		t.Errorf("with upstream servers known: %s", got)
	}
	if got := fmt.Sprint(resolvers([]string{stub, filepath.Join(dir, "none")})); got != "[127.0.0.53]" {
		t.Errorf("with the stub alone: %s", got)
	}
}

func join(t *testing.T, i *Instance, project string) Network {
	t.Helper()
	n, err := i.JoinNetwork(project)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func attach(t *testing.T, i *Instance, n Network, addr netip.Addr, g *guest) {
	t.Helper()
	if err := i.Attach(n, addr, g.cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
}
