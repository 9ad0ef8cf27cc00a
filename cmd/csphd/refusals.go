package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"csph/gitd"
	"csph/platform"
	"csph/store"
)

// Entries about strangers, whom anybody can be: one in so many seconds, and so many at once.
const (
	strangersEvery = 1.0 / 5
	strangersBurst = 30
)

// auditTime bounds the wait for writing an entry.
const auditTime = 10 * time.Second

// refusals writes down who was refused over SSH, and by webhooks. Of strangers only so many are; the next entry says how many were not.
type refusals struct {
	db      *store.DB
	log     *slog.Logger
	limiter *rate.Limiter

	mu     sync.Mutex
	missed int
}

func newRefusals(db *store.DB, log *slog.Logger) *refusals {
	return &refusals{db: db, log: log, limiter: rate.NewLimiter(strangersEvery, strangersBurst)}
}

// note writes down a push that was refused for want of a right, or of the service, or a client without a known key.
func (r *refusals) note(ctx context.Context, id gitd.Identity, address, path string, why error) {
	e := platform.AuditEntry{Account: id.Account, Member: id.Name, Address: address, Action: "git-push", Target: path, Status: http.StatusForbidden, Message: why.Error()}
	switch {
	case errors.Is(why, platform.ErrNotFound):
		e.Status = http.StatusNotFound
	case errors.Is(why, platform.ErrUnauthorized):
		e.Action, e.Status = "ssh-login", http.StatusUnauthorized
		r.forged(ctx, e)
		return
	}
	r.write(ctx, e)
}

// forged writes down somebody who could not say who they are.
func (r *refusals) forged(ctx context.Context, e platform.AuditEntry) {
	missed, ok := r.admit()
	if !ok {
		return
	}
	if missed > 0 {
		e.Message = fmt.Sprintf("%s (%d more were refused before, and are not in this log)", e.Message, missed)
	}
	r.write(ctx, e)
}

func (r *refusals) write(ctx context.Context, e platform.AuditEntry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	if err := r.db.Audit(ctx, e); err != nil {
		r.log.ErrorContext(ctx, "audit entry is lost", "action", e.Action, "target", e.Target, "err", err)
	}
}

// admit reports whether there is room for an entry about a stranger, and for how many before it there was none.
func (r *refusals) admit() (missed int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.limiter.Allow() {
		r.missed++
		return 0, false
	}
	missed, r.missed = r.missed, 0
	return missed, true
}
