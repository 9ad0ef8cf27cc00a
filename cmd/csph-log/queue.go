package main

import (
	"sync"
	"time"

	"csph/logs"
)

const (
	// queueBytes is how much output waits for a slow disk before it is dropped.
	queueBytes = 4 << 20
	// patience is how long a full queue may hold the spherelet up, once, before dropping begins.
	patience = 100 * time.Millisecond
	// lineCost is what a line takes in the queue besides its text.
	lineCost = 64
)

// queue holds lines between the readers and the disk. It holds no more than limit bytes.
type queue struct {
	limit    int
	patience time.Duration

	mu       sync.Mutex
	lines    []logs.Line
	size     int
	dropped  int // since the last pop
	dropping bool
	closed   bool
	filled   chan struct{} // one token: there is something to pop
	emptied  chan struct{} // closed and replaced by every pop
}

func newQueue(limit int, patience time.Duration) *queue {
	return &queue{limit: limit, patience: patience, filled: make(chan struct{}, 1), emptied: make(chan struct{})}
}

// push adds a line. When the queue is full it waits a moment for room; if none comes it drops the line, and
// every further one without waiting until there is room again.
func (q *queue) push(l logs.Line) {
	var late <-chan time.Time
	for {
		wait := q.tryPush(l, late != nil)
		if wait == nil {
			return
		}
		if late == nil {
			late = time.After(q.patience)
		}
		select {
		case <-wait:
		case <-late:
			q.drop()
			return
		}
	}
}

// tryPush adds or drops the line and returns nil, or returns what to wait for before trying again.
func (q *queue) tryPush(l logs.Line, waited bool) <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	cost := len(l.Text) + lineCost
	switch {
	case q.size == 0 || q.size+cost <= q.limit:
		q.lines = append(q.lines, l)
		q.size += cost
		q.dropping = false
		q.wake()
		return nil
	case q.dropping && !waited:
		q.dropped++
		return nil
	}
	return q.emptied
}

func (q *queue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped++
	q.dropping = true
}

func (q *queue) wake() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// pop returns all lines at hand and how many were dropped after them, blocking while there are none; false
// when the queue is closed and empty.
func (q *queue) pop() (batch []logs.Line, dropped int, ok bool) {
	for {
		q.mu.Lock()
		if len(q.lines) > 0 || q.dropped > 0 {
			batch, dropped = q.lines, q.dropped
			q.lines, q.size, q.dropped = nil, 0, 0
			close(q.emptied)
			q.emptied = make(chan struct{})
			q.mu.Unlock()
			return batch, dropped, true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil, 0, false
		}
		<-q.filled
	}
}

// close says that no line will be pushed any more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake()
}
