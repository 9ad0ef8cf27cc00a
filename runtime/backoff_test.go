package runtime

import (
	"slices"
	"testing"
	"time"
)

func TestRestartsSlowDownAndStopAtFiveMinutes(t *testing.T) {
	var b Backoff
	var got []time.Duration
	for range 12 {
		got = append(got, b.Next(time.Second))
	}
	want := []time.Duration{
		50 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second,
		32 * time.Second, 64 * time.Second, 128 * time.Second, 256 * time.Second, 5 * time.Minute, 5 * time.Minute,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAProcessThatRanForLongStartsAtOnceAgain(t *testing.T) {
	var b Backoff
	for range 5 {
		b.Next(time.Minute)
	}
	if got := b.Next(StableAfter); got != firstRestart {
		t.Errorf("after ten minutes: %v", got)
	}
	if got := b.Next(0); got != secondRestart {
		t.Errorf("after the next exit: %v", got)
	}
}
