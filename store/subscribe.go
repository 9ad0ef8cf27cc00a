package store

import (
	"context"
	"iter"
	"sync"

	"csph/platform"
)

// batch is how many events a subscriber reads at once.
const batch = 256

// hub knows who waits for events. It holds no events: those are in the table.
type hub struct {
	mu   sync.Mutex
	subs map[*subscriber]struct{}
}

type subscriber struct {
	filter Filter
	news   chan struct{} // holds one value when there may be events that were not read yet
}

func newHub() *hub { return &hub{subs: map[*subscriber]struct{}{}} }

func (h *hub) join(f Filter) *subscriber {
	s := &subscriber{filter: f, news: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subs[s] = struct{}{}
	return s
}

func (h *hub) leave(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, s)
}

// wake tells those whom e concerns that there is something to read. It never blocks.
func (h *hub) wake(e platform.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		if !s.filter.matches(e) {
			continue
		}
		select {
		case s.news <- struct{}{}:
		default:
		}
	}
}

// Subscribe yields the events that f selects in order, each exactly once: first those behind f.After that
// are still kept, then, with f.Live, every one as it is published. It ends when the reader stops, when
// nothing is left (without f.Live), or with an error when ctx ends or the store is closed. A reader may
// take as long as it likes, and holds nothing meanwhile; it can go on later behind the last event it saw.
func (db *DB) Subscribe(ctx context.Context, f Filter) iter.Seq2[platform.Event, error] {
	return func(yield func(platform.Event, error) bool) {
		s := db.hub.join(f) // before the first read, so that nothing falls in between
		defer db.hub.leave(s)
		for position := f.After; ; {
			f.After = position
			events, err := db.Events(ctx, f, batch)
			if err != nil {
				yield(platform.Event{}, err)
				return
			}
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
				position = e.Seq
			}
			if len(events) == batch {
				continue
			}
			if !f.Live {
				return
			}
			if err := db.await(ctx, s); err != nil {
				yield(platform.Event{}, err)
				return
			}
		}
	}
}

// await blocks until there may be news for s.
func (db *DB) await(ctx context.Context, s *subscriber) error {
	select {
	case <-s.news:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-db.closed:
		return errClosed
	}
}
