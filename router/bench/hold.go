package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// runHold opens websockets and says nothing on them. It prints how many are open, and when all have ended,
// how many of them with close code 1001.
func runHold(ctx context.Context, o options) error {
	all, err := openSockets(o.target, o.sockets)
	defer func() {
		for _, c := range all {
			_ = c.Close()
		}
	}()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() {
		for _, c := range all {
			_ = c.Close()
		}
	})()
	fmt.Println(len(all))
	var told atomic.Int64
	var reading sync.WaitGroup
	for _, c := range all {
		reading.Go(func() {
			if toldToLeave(c) {
				told.Add(1)
			}
		})
	}
	reading.Wait()
	fmt.Println(told.Load())
	return ctx.Err()
}

// toldToLeave reads to the end of a websocket and reports whether that was a close frame with code 1001
// (RFC 6455 section 7.4.1).
func toldToLeave(c net.Conn) bool {
	var got [5]byte // one more than is wanted
	n, err := io.ReadFull(c, got[:])
	return errors.Is(err, io.ErrUnexpectedEOF) && string(got[:n]) == "\x88\x02\x03\xe9"
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
