package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// What an idle websocket may take, and how long their clients are told to leave.
const (
	socketMost = 10_000
	leaveFor   = 5 * time.Second
)

// settle is how long the router has to give back what opening the websockets took.
const settle = 2 * time.Second

// otherFiles is more descriptors than a process has besides those of its websockets.
const otherFiles = 200

// crowd is websockets of one router: the router, its app, and a process that holds the clients' ends.
type crowd struct {
	router *proxy
	hold   *exec.Cmd
	says   *bufio.Reader // what hold prints
	before int64         // memory of the router
}

// measureSockets says how much memory an idle websocket takes in the router, and whether every client is
// told to leave when the router stops. Each takes two descriptors of a router: there are as many
// routers as the limit of descriptors asks for.
func measureSockets(ctx context.Context, o options) (err error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of descriptors: %w", err)
	}
	each := min(o.sockets, (int(limit.Max)-otherFiles)/2)
	h := &house{o: o}
	defer func() { err = errors.Join(err, h.close()) }()
	var crowds []*crowd
	for left := o.sockets; left > 0; left -= each {
		c, err := h.openCrowd(ctx, min(each, left))
		if err != nil {
			return err
		}
		crowds = append(crowds, c)
	}
	taken, err := memoryOf(ctx, crowds)
	if err != nil {
		return err
	}
	one := taken / int64(o.sockets)
	o.report.add(fmt.Sprintf("%d idle websockets, by %d routers: memory of one", o.sockets, len(crowds)),
		fmt.Sprintf("%.1f kB", float64(one)/1e3), fmt.Sprintf("%.1f kB", socketMost/1e3), one <= socketMost)
	return measureLeaving(o, crowds)
}

// openCrowd starts the processes and waits until all websockets are open.
func (h *house) openCrowd(ctx context.Context, n int) (*crowd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addrs, err := h.addresses(2)
	if err != nil {
		return nil, err
	}
	if _, err := h.start(ctx, "echo", addrs[0], "", []string{self, "-role", "echo", "-listen", addrs[0]}, ""); err != nil {
		return nil, err
	}
	c := &crowd{}
	if c.router, err = h.start(ctx, "csph", addrs[1], "", []string{self, "-role", "router", "-listen", addrs[1], "-target", addrs[0],
		"-dir", h.o.dir, "-spread", leaveFor.String()}, ""); err != nil {
		return nil, err
	}
	if c.before, err = resident(c.router.pid); err != nil {
		return nil, err
	}
	return c, c.open(ctx, self, n)
}

// open starts the clients.
func (c *crowd) open(ctx context.Context, self string, n int) error {
	c.hold = exec.CommandContext(ctx, self, "-role", "hold", "-target", c.router.addr, "-sockets", strconv.Itoa(n))
	c.hold.Stderr = os.Stderr
	c.hold.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.hold.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.hold.Start(); err != nil {
		return fmt.Errorf("start the clients: %w", err)
	}
	c.says = bufio.NewReader(out)
	if open, err := c.count(); err != nil || open != n {
		return errors.Join(fmt.Errorf("%d of %d websockets were opened", open, n), err)
	}
	return nil
}

// count reads the number that the clients print next.
func (c *crowd) count() (n int, err error) {
	_, err = fmt.Fscanln(c.says, &n)
	return n, err
}

// memoryOf returns what all websockets take in their routers.
func memoryOf(ctx context.Context, crowds []*crowd) (taken int64, err error) {
	for _, c := range crowds {
		if err := c.router.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			return 0, err
		}
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for _, c := range crowds {
		after, err := resident(c.router.pid)
		if err != nil {
			return 0, err
		}
		taken += after - c.before
	}
	return taken, nil
}

// measureLeaving stops all routers and counts the clients that were told with close code 1001.
func measureLeaving(o options, crowds []*crowd) error {
	began, told := time.Now(), 0
	for _, c := range crowds {
		if err := c.router.cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
	}
	for _, c := range crowds {
		n, err := c.count()
		if err != nil {
			return fmt.Errorf("count who was told to leave: %w", err)
		}
		told += n
		if _, err := io.Copy(io.Discard, c.says); err != nil {
			return err
		}
		if err := c.hold.Wait(); err != nil {
			return fmt.Errorf("the clients: %w", err)
		}
	}
	took := time.Since(began)
	o.report.add("websockets closed without 1001 by routers that stop", fmt.Sprintf("%d of %d", o.sockets-told, o.sockets), "0", told == o.sockets)
	o.report.add(fmt.Sprintf("all told to leave, in waves over %v", leaveFor), took.Round(10*time.Millisecond).String(), (2 * leaveFor).String(), took <= 2*leaveFor)
	return nil
}
