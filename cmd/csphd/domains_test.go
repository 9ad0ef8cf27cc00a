package main

import (
	"errors"
	"strings"
	"testing"

	"csph/platform"
)

func TestAServiceIsKeptWhileOthersHavePathsOfItsHosts(t *testing.T) {
	r, shop := reported(t)
	d := domains{db: r.db}
	other, err := r.db.CreateService(t.Context(), shop.Account, "other", platform.Service{})
	if err != nil {
		t.Fatal(err)
	}
	for name, service := range map[string]string{
		"www.example.com": shop.ID, "www.example.com/own": shop.ID, "www.example.com/api": other.ID, "www.example.com/v2": other.ID, "other.example.com": other.ID,
	} {
		if _, err := r.db.CreateDomain(t.Context(), platform.Domain{Service: service, Name: name, Status: platform.DomainActive}); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(service string) error {
		gone, err := d.of(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		return d.refuseShared(t.Context(), service, gone)
	}
	err = refused(shop.ID)
	if !errors.Is(err, platform.ErrConflict) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{"www.example.com/api", "www.example.com/v2"} {
		if !strings.Contains(err.Error(), part+" leads to service other") || !strings.Contains(err.Error(), "csph domains remove "+part) {
			t.Errorf("it does not say what to do about %s: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "/own") {
		t.Errorf("a path of its own keeps it: %v", err)
	}
	if err := refused(other.ID); err != nil {
		t.Errorf("one that only has paths of others' hosts: %v", err)
	}
}
