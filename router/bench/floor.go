package main

import (
	"context"
	"io"
	"net"
	"time"
)

// runFloor is the least that a proxy can do: a goroutine for each direction of a connection, which copies
// bytes that it knows nothing of. It makes no record of anything. Role copy reads and writes; role splice
// has the kernel move the bytes.
func runFloor(ctx context.Context, o options) error {
	ln, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	for {
		client, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go carry(client, o.target, o.role == "splice")
	}
}

// carry copies both ways until either side ends.
func carry(client net.Conn, target string, kernel bool) {
	defer client.Close()
	d := net.Dialer{Timeout: 5 * time.Second}
	server, err := d.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer client.Close()
		defer server.Close()
		_, _ = copyBytes(server, client, false) // requests are small
	}()
	_, _ = copyBytes(client, server, kernel)
}

func copyBytes(to, from net.Conn, kernel bool) (int64, error) {
	if kernel {
		return io.Copy(to, from)
	}
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 64<<10))
}
