package runtime

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"csph/platform"
)

func TestACommandPassesWithStatusZero(t *testing.T) {
	var tries atomic.Int32
	p := Prober{Exec: func(_ context.Context, spherelet string, command []string) (int, string, error) {
		if spherelet != "sph_1" || strings.Join(command, " ") != "/bin/sh -c test -f /tmp/ok" {
			t.Errorf("ran %q in %s", command, spherelet)
		}
		if tries.Add(1) < 3 {
			return 1, "not yet\n", nil
		}
		return 0, "", nil
	}}
	check := platform.Check{Exec: "test -f /tmp/ok", FailureTimeout: 5 * time.Second, RetryPeriod: 10 * time.Millisecond}
	if _, err := p.Ready(t.Context(), platform.Spherelet{ID: "sph_1"}, &check); err != nil || tries.Load() != 3 {
		t.Errorf("after %d tries: %v", tries.Load(), err)
	}
}

func TestACommandThatFailsSaysWhy(t *testing.T) {
	for want, answer := range map[string]struct {
		exit int
		said string
		err  error
	}{
		`"check" exited with status 3: database is away`: {3, "one\ndatabase is away\n", nil},
		`"check" did not end in time`:                    {-1, "", context.DeadlineExceeded},
		`"check" could not be run: gone`:                 {-1, "", errors.New("gone")},
	} {
		p := Prober{Exec: func(context.Context, string, []string) (int, string, error) {
			return answer.exit, answer.said, answer.err
		}}
		err := p.Try(t.Context(), platform.Spherelet{ID: "sph_1"}, platform.Check{Exec: "check"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestACommandIsNotTriedTwentyTimesASecond(t *testing.T) {
	if p := paceOf(&platform.Check{Exec: "x"}, time.Minute); p.next(0) != commandPause || p.next(time.Second) != commandPause {
		t.Errorf("pauses %v, %v", p.next(0), p.next(time.Second))
	}
	if p := paceOf(&platform.Check{Exec: "x"}, 20*time.Millisecond); p.next(0) != 20*time.Millisecond {
		t.Errorf("pauses %v although a retry is wanted after 20 ms", p.next(0))
	}
}
