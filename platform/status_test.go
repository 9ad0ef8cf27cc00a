package platform_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"csph/platform"
)

// moves says for each status where each of the moves leads, in the order of platform.Moves; "" refuses.
//
//	start_build, start_rollout, start_check, promote, retire, fail, cancel, supersede
var moves = map[platform.Status][]platform.Status{
	platform.Queued:      {"building", "rolling_out", "", "", "", "failed", "canceled", "superseded"},
	platform.Building:    {"", "rolling_out", "", "", "", "failed", "canceled", "superseded"},
	platform.RollingOut:  {"", "", "health_check", "", "", "failed", "", ""},
	platform.HealthCheck: {"", "", "", "live", "", "failed", "", ""},
	platform.Live:        {"", "", "", "", "retired", "", "", ""},
	platform.Retired:     {"", "", "", "", "", "", "", ""},
	platform.Failed:      {"", "", "", "", "", "", "", ""},
	platform.Canceled:    {"", "", "", "", "", "", "", ""},
	platform.Superseded:  {"", "", "", "", "", "", "", ""},
}

func TestEveryMoveFromEveryStatusLeadsWhereItShould(t *testing.T) {
	all := []platform.Move{"start_build", "start_rollout", "start_check", "promote", "retire", "fail", "cancel", "supersede"}
	if !slices.Equal(platform.Moves(), all) {
		t.Fatalf("moves are %v; want %v", platform.Moves(), all)
	}
	if len(platform.Statuses()) != len(moves) {
		t.Fatalf("statuses are %v; the table has %d", platform.Statuses(), len(moves))
	}
	for _, from := range platform.Statuses() {
		for i, move := range all {
			got, err := platform.Next(from, move)
			want := moves[from][i]
			if want == "" {
				refused(t, from, move, got, err)
			} else if err != nil || got != want {
				t.Errorf("%s from %s leads to %s, %v; want %s", move, from, got, err, want)
			}
		}
	}
}

// refused checks that a move leaves the status as it is, as a conflict that says which status and move.
func refused(t *testing.T, from platform.Status, move platform.Move, got platform.Status, err error) {
	t.Helper()
	var refusal platform.MoveError
	if got != from || !errors.As(err, &refusal) || refusal != (platform.MoveError{From: from, Move: move}) {
		t.Errorf("%s from %s leads to %s, %v; want it refused", move, from, got, err)
	}
	if !errors.Is(err, platform.ErrConflict) {
		t.Errorf("%s from %s is refused with %v; want a conflict", move, from, err)
	}
	if !strings.Contains(err.Error(), string(from)) {
		t.Errorf("%q does not say that it is %s", err, from)
	}
}

func TestAStatusOrMoveThatDoesNotExistLeadsNowhere(t *testing.T) {
	for _, c := range []struct {
		from platform.Status
		move platform.Move
	}{{"", platform.Fail}, {"none", platform.Fail}, {platform.Queued, ""}, {platform.Queued, "none"}} {
		if got, err := platform.Next(c.from, c.move); !errors.Is(err, platform.ErrConflict) || got != c.from {
			t.Errorf("%q from %q leads to %q, %v", c.move, c.from, got, err)
		}
	}
}

func TestNothingLeadsBack(t *testing.T) {
	order := platform.Statuses()
	for _, from := range order {
		for _, move := range platform.Moves() {
			to, err := platform.Next(from, move)
			if err == nil && slices.Index(order, to) <= slices.Index(order, from) {
				t.Errorf("%s leads back from %s to %s", move, from, to)
			}
		}
	}
}

func TestEveryStatusCanBeReached(t *testing.T) {
	reached := map[platform.Status]bool{platform.Queued: true}
	for _, from := range platform.Statuses() { // in the order in which they can be met
		for _, move := range platform.Moves() {
			if to, err := platform.Next(from, move); err == nil && reached[from] {
				reached[to] = true
			}
		}
	}
	for _, s := range platform.Statuses() {
		if !reached[s] {
			t.Errorf("%s cannot be reached", s)
		}
	}
}

func TestTerminalStatusesAreThoseThatNothingLeadsOutOf(t *testing.T) {
	for _, s := range platform.Statuses() {
		stuck := true
		for _, move := range platform.Moves() {
			_, err := platform.Next(s, move)
			stuck = stuck && err != nil
		}
		if s.Terminal() != stuck {
			t.Errorf("%s: terminal is %v, nothing leads out is %v", s, s.Terminal(), stuck)
		}
	}
}

func TestARolloutHasSettledWhenItIsLiveOrHasEnded(t *testing.T) {
	settled := map[platform.Status]bool{"live": true, "retired": true, "failed": true, "canceled": true, "superseded": true}
	for _, s := range platform.Statuses() {
		if s.Settled() != settled[s] {
			t.Errorf("%s: settled is %v", s, s.Settled())
		}
	}
}

func TestARefusedCancelSaysWhatToDoInstead(t *testing.T) {
	for from, want := range map[platform.Status]string{
		platform.RollingOut:  "can no longer be cancelled",
		platform.HealthCheck: "csph rollback",
		platform.Live:        "csph rollback",
		platform.Failed:      "already failed",
		platform.Canceled:    "already canceled",
	} {
		if _, err := platform.Next(from, platform.Cancel); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("cancelling one that is %s says %v; want %q in it", from, err, want)
		}
	}
}

func TestAMoveErrorIsAConflictAndNothingElse(t *testing.T) {
	err := platform.MoveError{From: platform.Live, Move: platform.Fail}
	for _, other := range []error{platform.ErrNotFound, platform.ErrInvalid, platform.ErrForbidden, platform.ErrUnauthorized, platform.ErrCapacity} {
		if errors.Is(err, other) {
			t.Errorf("%v is %v", err, other)
		}
	}
}
