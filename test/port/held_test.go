package port

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	goruntime "runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

func held(t *testing.T) *Held {
	t.Helper()
	h, err := Hold()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func let(t *testing.T, h io.Closer) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// serve has one connection go through the listener. Its end closes first, and keeps the address for a minute.
func serve(t *testing.T, ln net.Listener, address string) {
	t.Helper()
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	let(t, server)
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
}

func TestAHeldPortIsListenedOnAgainAndAgain(t *testing.T) {
	h := held(t)
	defer let(t, h)
	for _, host := range []string{"127.0.0.1", "", "0.0.0.0", "127.0.0.1"} {
		ln := listen(t, fmt.Sprintf("%s:%d", host, h.Number()))
		serve(t, ln, h.Address())
		let(t, ln)
		if _, err := net.Dial("tcp", h.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens, and a connection got %v", err)
		}
	}
}

func TestPacketsAreReceivedOnAHeldPort(t *testing.T) {
	h := held(t)
	defer let(t, h)
	conn, err := net.ListenPacket("udp", h.Address())
	if err != nil {
		t.Fatal(err)
	}
	let(t, conn)
}

func TestOneAtATimeListensOnAHeldPort(t *testing.T) {
	h := held(t)
	defer let(t, h)
	ln := listen(t, h.Address())
	defer let(t, ln)
	if _, err := net.Listen("tcp", h.Address()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second listener got %v", err)
	}
}

func TestAPortIsHeldOnceUntilItIsLetGo(t *testing.T) {
	h := held(t)
	if _, err := hold(h.Number()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second hold got %v", err)
	}
	ln := listen(t, h.Address())
	if _, err := hold(h.Number()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second hold, with a listener, got %v", err)
	}
	let(t, ln)
	let(t, h)
	again, err := hold(h.Number())
	if err != nil {
		t.Fatalf("a port that was let go: %v", err)
	}
	let(t, again)
}

func TestAPortThatIsTakenForPacketsIsNotHeld(t *testing.T) {
	h := held(t)
	let(t, h)
	conn, err := net.ListenPacket("udp", h.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer let(t, conn)
	if _, err := hold(h.Number()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("holding it got %v", err)
	}
}

// TestAHeldPortIsGivenToNobodyByTheKernel leaves the kernel no other number to give away.
func TestAHeldPortIsGivenToNobodyByTheKernel(t *testing.T) {
	aloneOnANetwork(t)
	h := held(t)
	giveAway(t, h.Number())
	other := listen(t, fmt.Sprintf("127.0.0.1:%d", h.Number()+1))
	defer let(t, other)
	spared := func(when string) {
		t.Helper()
		if _, err := net.Listen("tcp", "127.0.0.1:0"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: a bind of port 0 got %v", when, err)
		}
		if _, err := net.Dial("tcp", other.Addr().String()); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("%s: a connection got %v", when, err)
		}
	}
	spared("before anybody has listened")
	ln := listen(t, h.Address())
	spared("while somebody listens")
	let(t, ln)
	spared("after somebody has listened")

	let(t, h)
	let(t, listen(t, "127.0.0.1:0"))
	client, err := net.Dial("tcp", other.Addr().String())
	if err != nil {
		t.Fatalf("what was let go is given to no connection: %v", err)
	}
	let(t, client)
}

func TestAHeldPortIsNoneOfThoseThatTheKernelGivesAway(t *testing.T) {
	aloneOnANetwork(t)
	giveAway(t, 20000, 20999)
	for range 100 {
		h := held(t)
		if h.Number() < lowest || h.Number() >= 20000 {
			t.Errorf("it is %d", h.Number())
		}
		let(t, h)
	}
	giveAway(t, 1024, 65535)
	let(t, held(t)) // there is no other
}

// aloneOnANetwork has the test go on in a network namespace that ends with it.
func aloneOnANetwork(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("needs root, to make a network namespace")
	}
	goruntime.LockOSThread() // for good: the thread ends with the test, and the namespace with the thread
	made, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { let(t, &made) })
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// giveAway sets which numbers the kernel gives away: those from the first to the last.
func giveAway(t *testing.T, numbers ...int) {
	t.Helper()
	text := fmt.Sprintf("%d %d", numbers[0], numbers[len(numbers)-1])
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
