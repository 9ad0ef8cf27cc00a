package platform

import "fmt"

// Status is where a deployment stands in the five phases (SPEC section 2).
type Status string

const (
	Queued      Status = "queued"
	Building    Status = "building"
	RollingOut  Status = "rolling_out"
	HealthCheck Status = "health_check"
	Live        Status = "live"
	Retired     Status = "retired"
	Failed      Status = "failed"
	Canceled    Status = "canceled"
	Superseded  Status = "superseded"
)

// Statuses lists every status, in the order a deployment can meet them.
func Statuses() []Status {
	return []Status{Queued, Building, RollingOut, HealthCheck, Live, Retired, Failed, Canceled, Superseded}
}

// Terminal reports whether a deployment in s has stopped for good: nothing will be done for it again.
// Live is not terminal, since a live deployment is retired later.
func (s Status) Terminal() bool {
	switch s {
	case Retired, Failed, Canceled, Superseded:
		return true
	}
	return false
}

// Settled reports whether the rollout has ended, one way or the other: what a waiting client waits for.
func (s Status) Settled() bool { return s == Live || s.Terminal() }

// Move is what happens to a deployment.
type Move string

const (
	StartBuild   Move = "start_build"
	StartRollout Move = "start_rollout"
	StartCheck   Move = "start_check"
	Promote      Move = "promote"
	Retire       Move = "retire"
	Fail         Move = "fail"
	Cancel       Move = "cancel"
	Supersede    Move = "supersede"
)

// Moves lists every move.
func Moves() []Move {
	return []Move{StartBuild, StartRollout, StartCheck, Promote, Retire, Fail, Cancel, Supersede}
}

// Next is the deployment state machine: the status that move leads to from s, or a MoveError.
// Statuses only grow: nothing leads back. Cancel and Supersede are refused once the build has ended.
func Next(s Status, m Move) (Status, error) {
	if to, ok := transitions[s][m]; ok {
		return to, nil
	}
	return s, MoveError{From: s, Move: m}
}

var transitions = map[Status]map[Move]Status{
	Queued: {
		StartBuild: Building, StartRollout: RollingOut,
		Fail: Failed, Cancel: Canceled, Supersede: Superseded,
	},
	Building: {
		StartRollout: RollingOut,
		Fail:         Failed, Cancel: Canceled, Supersede: Superseded,
	},
	RollingOut:  {StartCheck: HealthCheck, Fail: Failed},
	HealthCheck: {Promote: Live, Fail: Failed},
	Live:        {Retire: Retired},
}

// MoveError says that a deployment in From cannot make Move.
type MoveError struct {
	From Status
	Move Move
}

func (e MoveError) Error() string {
	switch {
	case e.Move == Cancel && (e.From == RollingOut || e.From == HealthCheck || e.From == Live):
		return fmt.Sprintf("the build has ended and the deployment is %s: it can no longer be cancelled; use csph rollback once it has settled", e.From)
	case e.From.Terminal():
		return fmt.Sprintf("the deployment is already %s", e.From)
	}
	return fmt.Sprintf("a deployment that is %s cannot %s", e.From, e.Move)
}

// Is makes errors.Is(err, ErrConflict) true for refused moves.
func (e MoveError) Is(target error) bool { return target == ErrConflict }
