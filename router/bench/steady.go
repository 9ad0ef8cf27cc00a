package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	steadyConns = 64
	steadySeed  = 9110 // the same arrivals for every proxy
	// answerPatience ends a load whose answers do not come.
	answerPatience = 10 * time.Second
)

// steady asks for path at a rate that does not depend on the answers, with Poisson's gaps between the requests, over
// 64 connections that are kept alive. An answer's time counts from when its request was due, so that nobody gains by
// keeping requests waiting. Saturated, whoever answers more requests a second meets more of them at once; this is the
// same load for all.
func steady(path string, perSecond int) load {
	return func(ctx context.Context, p proxy, d time.Duration) (float64, time.Duration, error) {
		self, err := os.Executable()
		if err != nil {
			return 0, 0, err
		}
		out, err := exec.CommandContext(ctx, self, "-role", "load", "-target", p.addr, "-path", path, "-rate", strconv.Itoa(perSecond),
			"-seconds", strconv.Itoa(int(d.Seconds()))).CombinedOutput()
		if err != nil {
			return 0, 0, fmt.Errorf("load: %w: %s", err, out)
		}
		var answered float64
		var p99 time.Duration
		if _, err := fmt.Sscan(string(out), &answered, (*int64)(&p99)); err != nil {
			return 0, 0, fmt.Errorf("load printed %q: %w", out, err)
		}
		return answered, p99, nil
	}
}

// steadyLoad is the process of a steady load. It has one thread, which waits for answers and for the next request's time.
type steadyLoad struct {
	request []byte
	poll    int
	conns   map[int]*exchange // by descriptor
	free    []*exchange
	waiting []time.Time // due, but no connection was free
	took    []time.Duration
	events  []unix.EpollEvent
	buf     []byte
}

// exchange is one connection and the answer that it waits for.
type exchange struct {
	file *os.File
	fd   int // of file
	due  time.Time
	head []byte // of the answer, until it is whole
	left int    // bytes of the body still to come; -1 while the head is not whole
}

func runSteadyLoad(o options) error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("ask for exact timers: %w", err)
	}
	l := &steadyLoad{conns: map[int]*exchange{}, events: make([]unix.EpollEvent, steadyConns), buf: make([]byte, 128<<10)}
	l.took = make([]time.Duration, 0, 2*o.rate*o.seconds)
	debug.SetGCPercent(-1) // collecting would show as answers that took long
	l.request = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", o.path, o.target)
	if err := l.connect(o.target); err != nil {
		return err
	}
	if err := l.run(o.rate, o.duration()); err != nil {
		return err
	}
	slices.Sort(l.took)
	fmt.Println(len(l.took), int64(l.took[len(l.took)*99/100]))
	return nil
}

func (l *steadyLoad) connect(addr string) (err error) {
	target, err := netip.ParseAddrPort(addr)
	if err != nil {
		return err
	}
	if l.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("open a poll: %w", err)
	}
	for range steadyConns {
		c, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(target))
		if err != nil {
			return err
		}
		file, err := c.File()
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
		fd := int(file.Fd())
		if err := errors.Join(unix.SetNonblock(fd, true), unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})); err != nil {
			return fmt.Errorf("poll a connection: %w", err)
		}
		x := &exchange{file: file, fd: fd}
		l.conns[fd] = x
		l.free = append(l.free, x)
	}
	return nil
}

func (l *steadyLoad) run(perSecond int, d time.Duration) error {
	gaps := rand.New(rand.NewPCG(steadySeed, steadySeed))
	began := time.Now()
	for due := began; due.Sub(began) < d; {
		if wait := time.Until(due); wait > 0 {
			if err := l.await(wait); err != nil {
				return err
			}
			continue
		}
		if err := l.ask(due); err != nil {
			return err
		}
		due = due.Add(time.Duration(gaps.ExpFloat64() * float64(time.Second) / float64(perSecond)))
	}
	for end := time.Now().Add(answerPatience); len(l.free) < steadyConns; {
		if time.Now().After(end) {
			return errors.New("answers do not come")
		}
		if err := l.await(time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// ask sends a request on a connection that is free; the one used last comes last.
func (l *steadyLoad) ask(due time.Time) error {
	if len(l.free) == 0 {
		l.waiting = append(l.waiting, due)
		return nil
	}
	x := l.free[0]
	l.free = l.free[1:]
	return l.send(x, due)
}

func (l *steadyLoad) send(x *exchange, due time.Time) error {
	x.due, x.left, x.head = due, -1, x.head[:0]
	if _, err := unix.Write(x.fd, l.request); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	return nil
}

// await takes what has arrived, after a wait of at most d if nothing has.
func (l *steadyLoad) await(d time.Duration) error {
	limit := unix.NsecToTimespec(int64(d))
	if _, err := unix.Ppoll([]unix.PollFd{{Fd: int32(l.poll), Events: unix.POLLIN}}, &limit, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait: %w", err)
	}
	n, err := unix.EpollWait(l.poll, l.events, 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait for answers: %w", err)
	}
	for _, e := range l.events[:max(n, 0)] {
		if err := l.take(l.conns[int(e.Fd)]); err != nil {
			return err
		}
	}
	return nil
}

// take reads what has arrived on a connection.
func (l *steadyLoad) take(x *exchange) error {
	n, err := unix.Read(x.fd, l.buf)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil || n == 0 {
		return fmt.Errorf("the connection ended: %w", err)
	}
	if x.left < 0 {
		x.head = append(x.head, l.buf[:n]...)
		if n, err = x.body(); err != nil || x.left < 0 {
			return err
		}
	}
	if x.left -= n; x.left > 0 {
		return nil
	}
	l.took = append(l.took, time.Since(x.due))
	return l.next(x)
}

// body looks for the end of the head, and returns how much of the body came with it.
func (x *exchange) body() (n int, err error) {
	head, body, whole := bytes.Cut(x.head, []byte("\r\n\r\n"))
	if !whole {
		return 0, nil
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("a request failed: %q", head)
	}
	_, after, _ := bytes.Cut(bytes.ToLower(head), []byte("\r\ncontent-length: "))
	size, _, _ := bytes.Cut(after, []byte("\r\n"))
	x.left, err = strconv.Atoi(string(size))
	return len(body), err
}

// next has a connection, whose answer is there, carry the request that waits longest, if one does.
func (l *steadyLoad) next(x *exchange) error {
	if len(l.waiting) == 0 {
		l.free = append(l.free, x)
		return nil
	}
	due := l.waiting[0]
	l.waiting = l.waiting[1:]
	return l.send(x, due)
}
