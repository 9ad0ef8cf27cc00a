package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"

	"csph/api/client"
	"csph/api/wire"
)

// talk is a command on the server that has what is typed here as its input.
type talk func(ctx context.Context, service string, n wire.NewSession, s client.Streams) (exit int, err error)

// session runs a command with its input as it comes, and with this terminal where it wants one.
func (a *app) session(ctx context.Context, to talk, service string, n wire.NewSession, stdin bool) (int, error) {
	streams := client.Streams{Out: a.out, Errs: a.err}
	if stdin {
		streams.In = a.in
	}
	from, ok := a.in.(*os.File)
	if !n.TTY || !stdin || !ok || !isTerminal(from) {
		return to(ctx, service, n, streams)
	}
	fd := int(from.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return -1, fmt.Errorf("take the terminal over: %w", err)
	}
	defer func() { _ = term.Restore(fd, before) }() // the terminal has gone
	n.Term, n.Size = cmp.Or(os.Getenv("TERM"), "xterm"), sizeOf(fd)
	ctx, cancel := context.WithCancel(ctx)
	sizes := make(chan wire.TerminalSize)
	var watching sync.WaitGroup
	watching.Go(func() { watchSize(ctx, fd, sizes) })
	defer watching.Wait()
	defer cancel()
	streams.Sizes = sizes
	return to(ctx, service, n, streams)
}

// sizeOf is the size of a terminal, zero when it has none.
func sizeOf(fd int) wire.TerminalSize {
	width, height, err := term.GetSize(fd)
	if err != nil {
		return wire.TerminalSize{}
	}
	return wire.TerminalSize{Width: uint32(width), Height: uint32(height)}
}

// watchSize tells the size of a terminal whenever it changes, until ctx ends.
func watchSize(ctx context.Context, fd int, to chan<- wire.TerminalSize) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
		select {
		case to <- sizeOf(fd):
		case <-ctx.Done():
			return
		}
	}
}
