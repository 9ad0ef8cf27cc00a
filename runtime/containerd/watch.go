package containerd

import (
	"context"
	"maps"
	"slices"
	"sync"

	"csph/platform"
)

// hub knows the state of every spherelet and tells the watchers of changes.
type hub struct {
	mu       sync.Mutex
	current  map[string]platform.Spherelet
	watchers map[*watcher]bool
}

func newHub() *hub {
	return &hub{current: map[string]platform.Spherelet{}, watchers: map[*watcher]bool{}}
}

// publish makes s the state of its spherelet. It never blocks.
func (h *hub) publish(s platform.Spherelet) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.State == platform.Gone {
		delete(h.current, s.ID)
	} else {
		h.current[s.ID] = s
	}
	for w := range h.watchers {
		if w.deployment == "" || w.deployment == s.Deployment {
			w.put(s)
		}
	}
}

func (h *hub) get(id string) (platform.Spherelet, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.current[id]
	return s, ok
}

// list returns the spherelets of a deployment, all for "", in the order they were made.
func (h *hub) list(deployment string) []platform.Spherelet {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.listLocked(deployment)
}

func (h *hub) listLocked(deployment string) []platform.Spherelet {
	var found []platform.Spherelet
	for _, id := range slices.Sorted(maps.Keys(h.current)) {
		if s := h.current[id]; deployment == "" || s.Deployment == deployment {
			found = append(found, s)
		}
	}
	return found
}

// watch implements Engine.Watch.
func (h *hub) watch(ctx context.Context, deployment string) <-chan platform.Spherelet {
	w := &watcher{deployment: deployment, newest: map[string]platform.Spherelet{}, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	for _, s := range h.listLocked(deployment) {
		w.put(s)
	}
	h.watchers[w] = true
	h.mu.Unlock()
	out := make(chan platform.Spherelet)
	go func() {
		defer close(out)
		w.send(ctx, out)
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, w)
	}()
	return out
}

// watcher holds, for one reader, the newest state of each spherelet that the reader has not had yet.
type watcher struct {
	deployment string
	wake       chan struct{} // one token: there is something to send

	mu     sync.Mutex
	order  []string // ids in newest, the longest waiting first
	newest map[string]platform.Spherelet
}

func (w *watcher) put(s platform.Spherelet) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, waiting := w.newest[s.ID]; !waiting {
		w.order = append(w.order, s.ID)
	}
	w.newest[s.ID] = s
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() (platform.Spherelet, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 {
		return platform.Spherelet{}, false
	}
	s := w.newest[w.order[0]]
	delete(w.newest, s.ID)
	w.order = w.order[1:]
	return s, true
}

func (w *watcher) send(ctx context.Context, out chan<- platform.Spherelet) {
	for {
		s, ok := w.take()
		if !ok {
			select {
			case <-w.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		select {
		case out <- s:
		case <-ctx.Done():
			return
		}
	}
}
