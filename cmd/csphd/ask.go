package main

import (
	"bytes"
	"context"
	"sync"

	"csph/runtime/containerd"
)

// Ask runs a command in a spherelet and returns its exit code and the end of what it said.
func (s spherelets) Ask(ctx context.Context, spherelet string, command []string) (exit int, said string, err error) {
	var out lastBytes
	exit, err = s.Exec(ctx, spherelet, containerd.Command{Args: command, Stdout: &out, Stderr: &out})
	return exit, string(bytes.ToValidUTF8(out.kept, nil)), err
}

// lastBytes keeps the end of what is written to it, by two streams at once.
type lastBytes struct {
	mu   sync.Mutex
	kept []byte
}

const keptBytes = 4 << 10

func (l *lastBytes) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, b...)
	if over := len(l.kept) - keptBytes; over > 0 {
		l.kept = append(l.kept[:0], l.kept[over:]...)
	}
	return len(b), nil
}
