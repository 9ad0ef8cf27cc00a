package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// settle is how long the router has to give back what opening the websockets took.
const settle = 5 * time.Second

// measureSockets says how much memory an idle websocket takes in the router. Two descriptors of its
// process go into each.
func measureSockets(ctx context.Context, o options) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	addrs, err := freeAddresses(2)
	if err != nil {
		return err
	}
	h := &house{o: o, backend: addrs[0]}
	defer func() { err = errors.Join(err, h.close()) }()
	if _, err := h.start(ctx, "echo", addrs[0], "", []string{self, "-role", "echo", "-listen", addrs[0]}, ""); err != nil {
		return err
	}
	p, err := h.start(ctx, "csph", addrs[1], "", []string{self, "-role", "router", "-listen", addrs[1], "-target", addrs[0], "-dir", o.dir}, "")
	if err != nil {
		return err
	}
	before, err := resident(p.pid)
	if err != nil {
		return err
	}
	all, err := openSockets(p.addr, o.sockets)
	defer func() {
		for _, c := range all {
			_ = c.Close()
		}
	}()
	if err != nil {
		return err
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := resident(p.pid)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d idle websockets: %.1f kB each (resident %.0f MB, %.0f MB before)\n", len(all),
		float64(after-before)/1e3/float64(len(all)), float64(after)/1e6, float64(before)/1e6)
	return nil
}

func openSockets(addr string, n int) (all []net.Conn, err error) {
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return all, err
		}
		all = append(all, c)
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"); err != nil {
			return all, err
		}
		resp, err := http.ReadResponse(bufio.NewReaderSize(c, 512), nil)
		if err != nil {
			return all, err
		}
		if resp.StatusCode != http.StatusSwitchingProtocols {
			return all, errors.New(resp.Status)
		}
	}
	return all, nil
}
