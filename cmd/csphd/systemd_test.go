package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSystemdIsToldWhoServes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := notifySystemd(); err != nil {
		t.Fatal(err)
	}
	if err := socket.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	told := make([]byte, 1024)
	n, err := socket.Read(told)
	if want := fmt.Sprintf("READY=1\nMAINPID=%d\n", os.Getpid()); err != nil || string(told[:n]) != want {
		t.Errorf("told %q (%v), want %q", told[:n], err, want)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := notifySystemd(); err != nil {
		t.Errorf("without systemd: %v", err)
	}
}
