package cert

import (
	"context"
	"errors"
	"time"

	"csph/platform"
	"csph/router/cert/budget"
)

// failed records why a domain still has no certificate.
func (k *Keeper) failed(ctx context.Context, d platform.Domain, err error) error {
	state := k.consequence(d, err, time.Time{})
	k.Logger.Warn("a certificate could not be ordered", "domain", d.Name, "err", err, "next", state.NextTry)
	switch {
	case d.Status == platform.Validating: // it has to wait for its turn
		_, err = k.note(ctx, d, state)
	case state.Reason == platform.ValidationFailed || state.Reason == platform.OrderRefused:
		_, err = k.hold(ctx, d, state)
	default:
		_, err = k.move(ctx, d, platform.RetryOrder, func(d *platform.Domain) { d.State = state })
	}
	return err
}

// consequence is the state that follows from a failed attempt to get a certificate. Where there is one that ends
// at deadline, tries come in time for several.
func (k *Keeper) consequence(d platform.Domain, err error, deadline time.Time) platform.DomainState {
	s := platform.DomainState{Proxy: d.State.Proxy, Attempts: d.State.Attempts + 1, Message: err.Error()}
	wait := backoff(k.Waits.Order, k.Waits.OrderLongest, s.Attempts)
	if left := time.Until(deadline); !deadline.IsZero() && left > 0 {
		wait = min(wait, max(left/4, time.Second))
	}
	s.NextTry = in(wait)
	var held *budget.WaitError
	var failure *orderError
	switch {
	case errors.As(err, &held):
		s.Reason, s.Message, s.NextTry, s.Attempts = platform.RateLimited, held.Error(), held.Until.UTC(), d.State.Attempts
		s.Hint = "Nothing is to be done: csph orders when it is time."
	case errors.As(err, &failure):
		failure.tell(&s)
	default:
		s.Reason, s.Hint = platform.AuthorityAway, "csph tries again by itself; the server's log says more."
	}
	return s
}

// tell puts what has happened into words.
func (e *orderError) tell(s *platform.DomainState) {
	switch e.kind {
	case failedValidation:
		s.Reason, s.Message = platform.ValidationFailed, "the certificate authority could not validate the domain: "+e.said()
		s.Hint = "See that ports 80 and 443 of every address of the name reach this server from the internet, then: csph domains verify " + e.name
	case refused:
		s.Reason, s.Message = platform.OrderRefused, "the certificate authority refuses the order: "+e.said()
		s.Hint = "Mend what it says, or configure another authority under acme.directories."
	case limited:
		s.Reason, s.Message = platform.RateLimited, "the certificate authority's limit is reached: "+e.said()
		s.Hint = "Nothing is to be done: csph orders again when the authority allows it."
	default:
		s.Reason, s.Message = platform.AuthorityAway, "the certificate authority cannot be reached or fails: "+e.said()
		s.Hint = "csph tries again by itself."
	}
	if e.until.After(s.NextTry) || e.kind == limited && !e.until.IsZero() {
		s.NextTry = e.until.UTC()
	}
}

// telling is the one of two errors that says more: what the owner of the name has to mend, then what
// an authority refuses, then one that will soon be back; last the budget's own, of two the shorter wait.
func telling(a, b error) error {
	if a == nil || rank(b) > rank(a) {
		return b
	}
	var x, y *budget.WaitError
	if errors.As(a, &x) && errors.As(b, &y) && y.Until.Before(x.Until) {
		return b
	}
	return a
}

func rank(err error) int {
	var held *budget.WaitError
	var failure *orderError
	switch {
	case errors.As(err, &held):
		return 0
	case errors.As(err, &failure):
		return map[orderKind]int{limited: 1, unavailable: 2, refused: 3, failedValidation: 4}[failure.kind]
	}
	return 5 // not an authority's: nothing goes on without it
}

// account enters a failed order in the budget. final says that no other authority needs to be asked.
func (k *Keeper) account(ctx context.Context, a *authority, name string, err error) (final bool, _ error) {
	var failure *orderError
	if !errors.As(err, &failure) {
		var held *budget.WaitError
		return !errors.As(err, &held), nil
	}
	switch failure.kind {
	case failedValidation:
		var errs []error
		for range a.challenges { // each kind was tried
			errs = append(errs, k.Ledger.Fail(ctx, a.key(), name))
		}
		return true, errors.Join(errs...)
	case limited:
		if failure.until.IsZero() {
			failure.until = time.Now().Add(time.Hour)
		}
		return false, k.Ledger.Pause(ctx, a.key(), name, failure.until)
	}
	return false, nil
}

// backoff is how long to wait after so many tries.
func backoff(first, longest time.Duration, tries int) time.Duration {
	wait := first
	for i := 1; i < tries && wait < longest; i++ {
		wait *= 2
	}
	return min(wait, longest)
}

// in is the time in so long.
func in(d time.Duration) time.Time { return time.Now().Add(d).UTC() }
