package store

import (
	"testing"

	"csph/platform"
)

func TestTwoAccountsNeverHaveTheSameHosts(t *testing.T) {
	db, mine := started(t)
	other, err := db.CreateAccount(t.Context(), "other", platform.Quota{})
	must(t, err)
	theirs, err := db.CreateService(t.Context(), other.Account.ID, "shop", platform.Service{})
	must(t, err)
	add := func(service, name string) error {
		_, err := db.CreateDomain(t.Context(), platform.Domain{Service: service, Name: name, Status: platform.PendingDNS})
		return err
	}
	must(t, add(mine.ID, "www.example.com"))
	wants(t, add(theirs.ID, "www.example.com"), platform.ErrConflict)
	wants(t, add(theirs.ID, "*.example.com"), platform.ErrConflict)
	wants(t, add(theirs.ID, "*.com"), platform.ErrConflict)
	must(t, add(theirs.ID, "*.www.example.com"))
	wants(t, add(mine.ID, "a.b.www.example.com"), platform.ErrConflict)
	wants(t, add(mine.ID, "*.example.com"), platform.ErrConflict)
	must(t, add(mine.ID, "shop.example.com"))
	must(t, add(theirs.ID, "wwwXexample.com"))
	must(t, add(theirs.ID, "example.com"))
}
