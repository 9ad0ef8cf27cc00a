package main

import (
	"fmt"
	"net"
	"os"
)

// notifySystemd tells systemd, where that is waiting for it, that this process is the one that serves
// (sd_notify(3)). Without systemd it does nothing.
func notifySystemd() error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "READY=1\nMAINPID=%d\n", os.Getpid()); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	return nil
}
