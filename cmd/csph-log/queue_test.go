package main

import (
	"strings"
	"testing"
	"time"

	"csph/logs"
)

func lineOf(n int) logs.Line { return logs.Line{Stream: logs.Out, Text: strings.Repeat("x", n)} }

func TestAFullQueueHoldsTheSphereletUpOnceThenDrops(t *testing.T) {
	const patience = 50 * time.Millisecond
	q := newQueue(1000, patience)
	q.push(lineOf(900))
	began := time.Now()
	for range 100 {
		q.push(lineOf(500))
	}
	if took := time.Since(began); took < patience || took > 20*patience {
		t.Errorf("100 lines into a full queue took %v", took)
	}
	batch, dropped, ok := q.pop()
	if len(batch) != 1 || dropped != 100 || !ok {
		t.Errorf("popped %d lines, %d dropped, %v", len(batch), dropped, ok)
	}
	q.push(lineOf(500))
	if batch, dropped, _ := q.pop(); len(batch) != 1 || dropped != 0 {
		t.Errorf("with room again: %d lines, %d dropped", len(batch), dropped)
	}
}

func TestALineFindsRoomWhileItWaits(t *testing.T) {
	q := newQueue(1000, time.Minute)
	q.push(lineOf(900))
	pushed := make(chan struct{})
	go func() {
		q.push(lineOf(901))
		close(pushed)
	}()
	for got := 0; got < 2; {
		batch, dropped, ok := q.pop()
		if dropped > 0 || !ok {
			t.Fatalf("%d dropped, %v", dropped, ok)
		}
		got += len(batch)
	}
	<-pushed
}

func TestALineLargerThanTheQueueIsKeptAlone(t *testing.T) {
	q := newQueue(10, time.Minute)
	q.push(lineOf(500))
	if batch, dropped, _ := q.pop(); len(batch) != 1 || dropped != 0 {
		t.Errorf("%d lines, %d dropped", len(batch), dropped)
	}
}

func TestAClosedQueueGivesWhatItHoldsThenEnds(t *testing.T) {
	q := newQueue(1000, time.Minute)
	q.push(lineOf(1))
	q.close()
	if batch, _, ok := q.pop(); len(batch) != 1 || !ok {
		t.Errorf("%d lines, %v", len(batch), ok)
	}
	if _, _, ok := q.pop(); ok {
		t.Error("a closed queue goes on")
	}
}
