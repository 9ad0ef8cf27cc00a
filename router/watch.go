package router

import (
	"sync"
	"sync/atomic"
	"time"
)

// tick is how often deadlines are looked at, and so how exact they are.
const tick = 250 * time.Millisecond

// expired is the value of a deadline that the watch has claimed.
const expired = -1

// deadline is the time by which a wait must have ended, in nanoseconds of the watch's clock; 0 when
// nobody waits. Setting one costs an atomic store instead of a runtime timer. The waiter and the watch
// agree on who came first by exchanging the value.
type deadline struct{ at atomic.Int64 }

func (d *deadline) set(at int64) { d.at.Store(at) }

// clear ends the wait. It reports false when the watch ended it first.
func (d *deadline) clear() bool { return d.at.Swap(0) != expired }

// claim ends the wait for the waiter, if one waits and is overdue at now.
func (d *deadline) claim(now int64) bool {
	at := d.at.Load()
	return at > 0 && at <= now && d.at.CompareAndSwap(at, expired)
}

// watched is something whose deadlines the watch looks at, every tick. expire reports that it is not
// to be watched any more. It must not call the watch.
type watched interface{ expire(now int64) (done bool) }

// shards keeps the locks of the watch short.
const shards = 64

// watch holds every open connection and ends waits that are overdue.
type watch struct {
	clock  atomic.Int64 // nanoseconds since epoch, as of the last tick
	epoch  time.Time
	next   atomic.Uint32
	shards [shards]watchShard
	stop   chan struct{}
	done   chan struct{}
}

type watchShard struct {
	mu  sync.Mutex
	all map[watched]struct{}
}

func newWatch() *watch {
	w := &watch{epoch: time.Now(), stop: make(chan struct{}), done: make(chan struct{})}
	for i := range w.shards {
		w.shards[i].all = map[watched]struct{}{}
	}
	w.clock.Store(int64(tick))
	go w.run()
	return w
}

// forever is a wait without a deadline of its own.
const forever = time.Duration(1 << 60)

// after returns the watch's time d from now, at least.
func (w *watch) after(d time.Duration) int64 { return w.clock.Load() + int64(d+tick) }

// add starts watching and returns the shard to give to remove.
func (w *watch) add(x watched) uint32 {
	n := w.next.Add(1) % shards
	s := &w.shards[n]
	s.mu.Lock()
	s.all[x] = struct{}{}
	s.mu.Unlock()
	return n
}

func (w *watch) remove(x watched, shard uint32) {
	s := &w.shards[shard]
	s.mu.Lock()
	delete(s.all, x)
	s.mu.Unlock()
}

func (w *watch) run() {
	defer close(w.done)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-t.C:
			w.sweep(int64(time.Since(w.epoch) + tick))
		}
	}
}

func (w *watch) sweep(now int64) {
	w.clock.Store(now)
	for i := range w.shards {
		s := &w.shards[i]
		s.mu.Lock()
		for x := range s.all {
			if x.expire(now) {
				delete(s.all, x)
			}
		}
		s.mu.Unlock()
	}
}

// close stops the watch and waits for it.
func (w *watch) close() {
	close(w.stop)
	<-w.done
}
