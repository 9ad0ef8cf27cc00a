package gitd

import (
	"context"
	"log/slog"
	"time"

	"csph/gitd/bare"
)

// housekeeper tidies repositories after pushes, one at a time, in the background.
type housekeeper struct {
	limit time.Duration
	log   *slog.Logger
	turn  chan struct{} // holds one token: the right to run
}

func newHousekeeper(limit time.Duration, log *slog.Logger) *housekeeper {
	h := &housekeeper{limit: limit, log: log, turn: make(chan struct{}, 1)}
	h.turn <- struct{}{}
	return h
}

// run tidies r when its turn has come, unless ctx ends before.
func (h *housekeeper) run(ctx context.Context, r *bare.Repository) {
	select {
	case <-h.turn:
		defer func() { h.turn <- struct{}{} }()
	case <-ctx.Done():
		return
	}
	bounded, cancel := context.WithTimeout(ctx, h.limit)
	defer cancel()
	if err := r.Housekeep(bounded); err != nil && ctx.Err() == nil {
		h.log.Warn("housekeeping failed", "error", err)
	}
}
