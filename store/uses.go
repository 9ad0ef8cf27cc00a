package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// useEvery is how far behind the recorded last use of a token may be.
	useEvery = time.Minute
	// useTimeout bounds the wait for recording uses.
	useTimeout = 10 * time.Second
)

// uses collects when tokens were used and has them recorded by a goroutine of its own, so that no request waits for a
// write. What is collected while a write runs goes into the next one.
type uses struct {
	mu    sync.Mutex
	times map[string]time.Time // by token id

	some chan struct{} // holds one value when there may be times to record
	quit chan struct{}
	done sync.WaitGroup
}

func newUses() *uses {
	return &uses{times: map[string]time.Time{}, some: make(chan struct{}, 1), quit: make(chan struct{})}
}

// start begins recording; stop ends it.
func (u *uses) start(record func(context.Context, map[string]time.Time) error) {
	u.done.Go(func() {
		for {
			select {
			case <-u.some:
				u.flush(record)
			case <-u.quit:
				u.flush(record)
				return
			}
		}
	})
}

// stop records what is left and waits for that.
func (u *uses) stop() {
	close(u.quit)
	u.done.Wait()
}

func (u *uses) add(token string, at time.Time) {
	u.mu.Lock()
	u.times[token] = at
	u.mu.Unlock()
	select {
	case u.some <- struct{}{}:
	default:
	}
}

func (u *uses) flush(record func(context.Context, map[string]time.Time) error) {
	u.mu.Lock()
	times := u.times
	u.times = map[string]time.Time{}
	u.mu.Unlock()
	if len(times) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), useTimeout)
	defer cancel()
	if err := record(ctx, times); err != nil {
		slog.WarnContext(ctx, "last use of tokens is not recorded", "err", err)
	}
}

func (db *DB) recordUses(ctx context.Context, times map[string]time.Time) error {
	return db.write(ctx, func(ctx context.Context, tx querier) error {
		for id, at := range times {
			if _, err := tx.ExecContext(ctx, "UPDATE tokens SET last_used = $1 WHERE id = $2", instant{&at}, id); err != nil {
				return fmt.Errorf("update token %s: %w", id, err)
			}
		}
		return nil
	})
}
