package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/time/rate"

	"csph/gitd"
	"csph/platform"
	"csph/store"
)

func TestAScannerLeavesFewEntriesWhichSayHowManyThereWere(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "csph.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r := newRefusals(db, slog.New(slog.DiscardHandler))
	r.limiter.SetLimit(0)
	stranger := fmt.Errorf("%w: no such key is known: SHA256:x", platform.ErrUnauthorized)
	for range 100 {
		r.note(t.Context(), gitd.Identity{}, "192.0.2.1", "", stranger)
	}
	r.note(t.Context(), gitd.Identity{Account: "acc_1", Name: "vera"}, "192.0.2.2", "web", platform.ErrForbidden)
	r.limiter.SetLimit(rate.Inf)
	r.note(t.Context(), gitd.Identity{}, "192.0.2.1", "", stranger)
	all, err := db.AuditPage(t.Context(), store.AuditPage{Accounts: []string{""}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != strangersBurst+1 {
		t.Fatalf("%d entries", len(all))
	}
	if last := all[0]; last.Action != "ssh-login" || last.Status != 401 || last.Address != "192.0.2.1" || !strings.Contains(last.Message, fmt.Sprintf("%d more", 100-strangersBurst)) {
		t.Errorf("the last entry is %+v", last)
	}
	members, err := db.AuditPage(t.Context(), store.AuditPage{Accounts: []string{"acc_1"}})
	if err != nil || len(members) != 1 || members[0].Status != 403 || members[0].Member != "vera" {
		t.Errorf("of those known there are %+v, %v", members, err)
	}
}
