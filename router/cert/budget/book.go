package budget

import (
	"fmt"
	"slices"
	"time"
)

// refusal says why an order has to wait, nil when it need not. Of several reasons the one that lasts longest counts.
func (b *book) refusal(ca, name string, limits Limits, renewal bool, now time.Time) *WaitError {
	domain := registered(name)
	var wait *WaitError
	longer := func(until time.Time, reason string) {
		if until.After(now) && (wait == nil || until.After(wait.Until)) {
			wait = &WaitError{reason, until}
		}
	}
	at := func(limit Limit, text string, counts func(event) bool) {
		longer(b.free(limit, now, func(e event) bool { return e.CA == ca && counts(e) }),
			fmt.Sprintf("%s (at most %d within %s)", text, limit.Count, limit.Per))
	}
	for _, p := range b.Pauses {
		if p.CA == ca && p.Name == name {
			longer(p.Until, "the certificate authority has asked to wait")
		}
	}
	at(limits.Failures, "validations of "+name+" have failed too often", func(e event) bool { return e.Kind == failed && e.Name == name })
	at(limits.Duplicates, "many certificates were issued for "+name, func(e event) bool { return (e.Kind == issued || e.Kind == renewed) && e.Name == name })
	if !renewal {
		at(limits.Orders, "many orders were made", func(e event) bool { return e.Kind == ordered })
		at(limits.Registered, "many certificates were issued for names of "+domain, func(e event) bool { return e.Kind == issued && e.Domain == domain })
	}
	return wait
}

// free is when the next event is within limit: once the oldest of the last Count has left the span.
func (b *book) free(limit Limit, now time.Time, counts func(event) bool) time.Time {
	if limit.Count == 0 {
		return now
	}
	var times []time.Time
	for _, e := range b.Events {
		if counts(e) && e.At.After(now.Add(-limit.Per)) {
			times = append(times, e.At)
		}
	}
	if len(times) < limit.Count {
		return now
	}
	slices.SortFunc(times, time.Time.Compare)
	return times[len(times)-limit.Count].Add(limit.Per)
}

// forget drops what no limit can count any more.
func (b *book) forget(longest time.Duration, now time.Time) {
	longest = max(longest, week) // other authorities' limits may reach further
	b.Events = slices.DeleteFunc(b.Events, func(e event) bool { return e.At.Before(now.Add(-longest)) })
	b.Pauses = slices.DeleteFunc(b.Pauses, func(p pause) bool { return p.Until.Before(now) })
}
