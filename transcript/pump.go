package transcript

import (
	"context"
	"iter"
)

// item is one value of a sequence, or the error that ended it.
type item[T any] struct {
	value T
	err   error
}

// pump reads seq in a goroutine of its own, which ends with seq or with ctx; the channel then closes.
func pump[T any](ctx context.Context, seq iter.Seq2[T, error]) <-chan item[T] {
	out := make(chan item[T])
	go func() {
		defer close(out)
		for v, err := range seq {
			select {
			case out <- item[T]{v, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// drain waits until the goroutine behind ch has ended.
func drain[T any](ch <-chan item[T]) {
	if ch == nil {
		return
	}
	for range ch {
	}
}
