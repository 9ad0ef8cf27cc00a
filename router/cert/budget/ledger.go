package budget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// Storage keeps the ledger. Certificates' storage has these methods.
type Storage interface {
	// Load returns fs.ErrNotExist for what was never stored.
	Load(ctx context.Context, key string) ([]byte, error)
	// Store replaces the value as a whole.
	Store(ctx context.Context, key string, value []byte) error
	// Lock blocks until no process holds name; Unlock lets go of it.
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
}

const (
	key      = "csph/budget.json"
	lockName = "csph_budget"
)

// Ledger is what was asked of authorities. Safe for concurrent use, also by several processes that share a storage.
type Ledger struct {
	storage Storage
	clock   func() time.Time
	turn    chan struct{} // holds a value while this process uses the storage's lock
}

// New returns the ledger in storage. clock is time.Now but in tests.
func New(storage Storage, clock func() time.Time) *Ledger {
	return &Ledger{storage: storage, clock: clock, turn: make(chan struct{}, 1)}
}

// event is one thing that was asked of an authority or came of it.
type event struct {
	At     time.Time `json:"at"`
	Kind   kind      `json:"kind"`
	CA     string    `json:"ca"`
	Domain string    `json:"domain,omitempty"`
	Name   string    `json:"name,omitempty"`
}

type kind string

const (
	ordered kind = "ordered"
	issued  kind = "issued"
	renewed kind = "renewed" // issued in place of a certificate that there was
	failed  kind = "failed"
)

// pause is an authority's own word about when to come back.
type pause struct {
	CA    string    `json:"ca"`
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}

type book struct {
	Events []event `json:"events"`
	Pauses []pause `json:"pauses"`
}

// Order counts an order for name at an authority, durably, before it is made. The error is a WaitError when
// it, or the certificate that it brings, would come near a limit, or the authority has asked to wait; nothing is
// counted then. Renewals are exempt from the limits of orders and of registered domains, as authorities have it.
func (l *Ledger) Order(ctx context.Context, ca, name string, limits Limits, renewal bool) error {
	return l.change(ctx, func(b *book, now time.Time) error {
		if wait := b.refusal(ca, name, limits, renewal, now); wait != nil {
			return wait
		}
		b.Events = append(b.Events, event{At: now, Kind: ordered, CA: ca})
		b.forget(limits.longest(), now)
		return nil
	})
}

// Issue counts a certificate that an order has brought.
func (l *Ledger) Issue(ctx context.Context, ca, name string, renewal bool) error {
	return l.change(ctx, func(b *book, now time.Time) error {
		e := event{At: now, Kind: issued, CA: ca, Domain: registered(name), Name: name}
		if renewal {
			e.Kind = renewed
		}
		b.Events = append(b.Events, e)
		return nil
	})
}

// Fail counts a failed validation of name.
func (l *Ledger) Fail(ctx context.Context, ca, name string) error {
	return l.change(ctx, func(b *book, now time.Time) error {
		b.Events = append(b.Events, event{At: now, Kind: failed, CA: ca, Name: name})
		return nil
	})
}

// Pause keeps orders for name away from an authority until then; an earlier pause is not shortened.
func (l *Ledger) Pause(ctx context.Context, ca, name string, until time.Time) error {
	return l.change(ctx, func(b *book, _ time.Time) error {
		b.Pauses = append(b.Pauses, pause{ca, name, until})
		return nil
	})
}

// change has the book to itself, in this process and in others, and stores what it becomes.
func (l *Ledger) change(ctx context.Context, change func(*book, time.Time) error) (err error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return fmt.Errorf("wait for the order budget: %w", ctx.Err())
	}
	if err := l.storage.Lock(ctx, lockName); err != nil {
		return fmt.Errorf("lock the order budget: %w", err)
	}
	defer func() {
		if e := l.storage.Unlock(context.WithoutCancel(ctx), lockName); e != nil {
			err = errors.Join(err, fmt.Errorf("unlock the order budget: %w", e))
		}
	}()
	b, err := l.load(ctx)
	if err != nil {
		return err
	}
	if err := change(&b, l.clock()); err != nil {
		return err
	}
	return l.store(ctx, b)
}

func (l *Ledger) load(ctx context.Context) (b book, err error) {
	text, err := l.storage.Load(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return book{}, nil
	}
	if err != nil {
		return book{}, fmt.Errorf("read the order budget: %w", err)
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return book{}, fmt.Errorf("read the order budget: %w", err)
	}
	return b, nil
}

func (l *Ledger) store(ctx context.Context, b book) error {
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode the order budget: %w", err)
	}
	if err := l.storage.Store(ctx, key, text); err != nil {
		return fmt.Errorf("write the order budget: %w", err)
	}
	return nil
}

// registered is the domain that a name belongs to for its registrar: one label more than a public suffix.
func registered(name string) string {
	name = strings.TrimPrefix(name, "*.")
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return name // a public suffix itself, or a single label
	}
	return domain
}
