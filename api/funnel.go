package api

import (
	"context"
	"iter"
	"sync"

	"csph/api/wire"
)

// funnel passes the lines of several logs on as they come. Whoever makes one cancels the contexts of
// what was poured in, then waits.
type funnel struct {
	out chan lineOrError
	wg  sync.WaitGroup
}

// lineOrError is one line, or the error that ended its log.
type lineOrError struct {
	line wire.LogLine
	err  error
}

func newFunnel() *funnel { return &funnel{out: make(chan lineOrError)} }

// pour passes seq on in a goroutine that ends with seq or with ctx.
func (f *funnel) pour(ctx context.Context, seq iter.Seq2[wire.LogLine, error]) {
	f.wg.Go(func() {
		for l, err := range seq {
			select {
			case f.out <- lineOrError{l, err}:
			case <-ctx.Done():
				return
			}
		}
	})
}
