package platform_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"csph/platform"
)

// domainMoves says for each status where each of the moves leads, in the order of platform.DomainMoves; "" refuses.
//
//	find_dns, lose_dns, place_order, retry_order, issue, install, need_action
var domainMoves = map[platform.DomainStatus][]platform.DomainStatus{
	"pending_dns":     {"validating", "", "", "", "", "active", "action_required"},
	"validating":      {"", "pending_dns", "issuing", "", "", "active", "action_required"},
	"issuing":         {"", "", "", "validating", "active", "active", "action_required"},
	"active":          {"", "", "", "", "", "active", "action_required"},
	"action_required": {"validating", "pending_dns", "", "", "", "active", ""},
}

func TestEveryMoveOfADomainFromEveryStatusLeadsWhereItShould(t *testing.T) {
	all := []platform.DomainMove{"find_dns", "lose_dns", "place_order", "retry_order", "issue", "install", "need_action"}
	if !slices.Equal(platform.DomainMoves(), all) {
		t.Fatalf("moves are %v; want %v", platform.DomainMoves(), all)
	}
	if len(platform.DomainStatuses()) != len(domainMoves) {
		t.Fatalf("statuses are %v; the table has %d", platform.DomainStatuses(), len(domainMoves))
	}
	for _, from := range platform.DomainStatuses() {
		for i, move := range all {
			got, err := platform.NextDomain(from, move)
			want := domainMoves[from][i]
			if want == "" {
				domainRefused(t, from, move, got, err)
			} else if err != nil || got != want {
				t.Errorf("%s from %s leads to %s, %v; want %s", move, from, got, err, want)
			}
		}
	}
}

func domainRefused(t *testing.T, from platform.DomainStatus, move platform.DomainMove, got platform.DomainStatus, err error) {
	t.Helper()
	var refusal platform.DomainMoveError
	if got != from || !errors.As(err, &refusal) || refusal != (platform.DomainMoveError{From: from, Move: move}) || !errors.Is(err, platform.ErrConflict) {
		t.Errorf("%s from %s leads to %s, %v; want it refused as a conflict", move, from, got, err)
	}
	if err != nil && !strings.Contains(err.Error(), string(from)) {
		t.Errorf("%q does not say that it is %s", err, from)
	}
}

func TestADomainBecomesActiveOnlyWithACertificate(t *testing.T) {
	for _, from := range platform.DomainStatuses() {
		for _, move := range platform.DomainMoves() {
			to, err := platform.NextDomain(from, move)
			if err == nil && to == platform.DomainActive && move != platform.Issue && move != platform.InstallCert {
				t.Errorf("%s makes a domain active from %s", move, from)
			}
		}
	}
}
