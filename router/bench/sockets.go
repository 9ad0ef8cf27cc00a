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
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// holdSockets opens n websockets through the router, leaves them idle, and prints what one costs the
// router's process. The limit on open files must allow for four times as many.
func holdSockets(ctx context.Context, o options, n int) (err error) {
	app, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	held := &connections{}
	defer held.close()
	defer app.Close()
	go acceptSockets(app, held)
	dir, err := os.MkdirTemp("", "router-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	addrs, err := freeAddresses(1)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p, err := startProxy(ctx, "csph", addrs[0], []string{self, "-role", "router", "-listen", addrs[0], "-target", app.Addr().String(), "-access-log", filepath.Join(dir, "access.log")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll([]proxy{p})) }()
	before, err := resident(p.pid)
	if err != nil {
		return err
	}
	for range n {
		if err := openSocket(p.addr, held); err != nil {
			return err
		}
	}
	time.Sleep(10 * time.Second) // so that the router's garbage is collected
	after, err := resident(p.pid)
	if err != nil {
		return err
	}
	fmt.Printf("%d idle websockets: %.1f KB each, %d MB in all\n", n, float64(after-before)/float64(n)/1024, after>>20)
	return nil
}

// connections are closed together.
type connections struct {
	mu  sync.Mutex
	all []net.Conn
}

func (c *connections) add(conn net.Conn) {
	c.mu.Lock()
	c.all = append(c.all, conn)
	c.mu.Unlock()
}

func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.all {
		_ = conn.Close()
	}
}

// acceptSockets upgrades every connection and then says nothing.
func acceptSockets(ln net.Listener, held *connections) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		held.add(conn)
		go func() {
			if _, err := http.ReadRequest(bufio.NewReaderSize(conn, 512)); err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			}
		}()
	}
}

func openSocket(addr string, held *connections) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	held.add(conn)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("a websocket was answered with %s", resp.Status)
	}
	return nil
}

// resident returns the memory that a process has in use (proc(5)).
func resident(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, fmt.Errorf("read /proc/%d/statm: %q", pid, b)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
