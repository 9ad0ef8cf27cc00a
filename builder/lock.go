package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// keyedLock is one lock for each key.
type keyedLock struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when given back
}

func newKeyedLock() *keyedLock { return &keyedLock{held: map[string]chan struct{}{}} }

// lock blocks until the lock of key is ours or ctx ends; waiting is called once if it is not free at once.
func (k *keyedLock) lock(ctx context.Context, key string, waiting func()) (unlock func(), err error) {
	for once := sync.OnceFunc(waiting); ; {
		k.mu.Lock()
		held, ok := k.held[key]
		if !ok {
			released := make(chan struct{})
			k.held[key] = released
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.held, key)
				k.mu.Unlock()
				close(released)
			}, nil
		}
		k.mu.Unlock()
		once()
		select {
		case <-held:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", key, context.Cause(ctx))
		}
	}
}

// lockFile blocks until this process holds the lock file path, against other processes, or ctx ends. The
// kernel tells nobody when a lock is free without blocking a thread, so it is asked again and again.
func lockFile(ctx context.Context, path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f.Close, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !pause(ctx, 200*time.Millisecond) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, context.Cause(ctx))
		}
	}
}
