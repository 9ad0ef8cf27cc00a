package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// startAlone runs the comparison again in a network of its own, so that what the machine's network is set to
// does not count: packet filters and their tables, and how it paces connections. Where it may not
// make one, it says so and takes the machine's.
func startAlone(ctx context.Context, o options) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, append(os.Args[1:], "-role", "alone")...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	err = cmd.Start()
	if errors.Is(err, os.ErrPermission) {
		fmt.Println("No network of its own (that takes root): the machine's packet filters count, too.")
		return compare(ctx, o)
	}
	if err != nil {
		return fmt.Errorf("start the comparison: %w", err)
	}
	return cmd.Wait()
}

// compareAlone compares in the network that startAlone has made.
func compareAlone(ctx context.Context, o options) error {
	// BBR, which some systems have for their default, takes timers that cost more than the bytes of a loopback.
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_congestion_control", []byte("reno"), 0o644); err != nil {
		return fmt.Errorf("choose Reno's congestion control: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return err
	}
	return compare(ctx, o)
}

// raiseLoopback brings the loopback interface up, which it is not in a new network.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo); err != nil {
		return fmt.Errorf("look at the loopback interface: %w", err)
	}
	if lo.Uint16()&unix.IFF_UP != 0 {
		return nil
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring the loopback interface up: %w", err)
	}
	return nil
}
