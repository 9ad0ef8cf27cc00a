package api_test

import (
	"errors"
	"testing"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func TestADomainIsAddedListedVerifiedChangedAndRemoved(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.service(t, "other")
	added, err := w.AddDomain(t.Context(), wire.NewDomain{Name: "www.example.com", Service: "web", HSTS: 60})
	if err != nil || added.ServiceName != "web" || added.HSTS != 60 || len(added.Records) != 1 || added.Records[0].Value != "192.0.2.1" {
		t.Fatalf("added %+v, %v", added, err)
	}
	if _, err := w.AddDomain(t.Context(), wire.NewDomain{Name: "www.example.com", Service: "other"}); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("added twice: %v", err)
	}
	for service, want := range map[string]int{"": 1, "web": 1, "other": 0} {
		if all, err := w.Domains(t.Context(), service); err != nil || len(all) != want {
			t.Errorf("%q has %d domains (%v); want %d", service, len(all), err, want)
		}
	}
	v, err := w.VerifyDomain(t.Context(), "www.example.com")
	if err != nil || v.Domain.Status != platform.Validating || v.DNS.Verdict != "right" || len(v.DNS.Addresses) != 1 {
		t.Errorf("verified %+v, %v", v, err)
	}
	none := int64(0)
	if got, err := w.ConfigureDomain(t.Context(), added.ID, wire.DomainChange{HSTS: &none}); err != nil || got.HSTS != 0 {
		t.Errorf("changed %+v, %v", got, err)
	}
	if err := w.RemoveDomain(t.Context(), "www.example.com"); err != nil {
		t.Error(err)
	}
	if _, err := w.Domain(t.Context(), added.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("after it was removed: %v", err)
	}
}

func TestDomainsOfAnotherAccountDoNotExist(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	added, err := w.AddDomain(t.Context(), wire.NewDomain{Name: "www.example.com", Service: "web"})
	if err != nil {
		t.Fatal(err)
	}
	c := w.foreigner(t)
	if all, err := c.Domains(t.Context(), ""); err != nil || len(all) != 0 {
		t.Errorf("%d domains (%v)", len(all), err)
	}
	if _, err := c.Domain(t.Context(), added.ID); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if err := c.RemoveDomain(t.Context(), "www.example.com"); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("remove: %v", err)
	}
	if _, err := c.AddDomain(t.Context(), wire.NewDomain{Name: "shop.example.com", Service: added.Service}); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("add to a foreign service: %v", err)
	}
	if got, err := c.Trust(t.Context()); err != nil || got.Root == "" {
		t.Errorf("trust: %+v, %v", got, err)
	}
}

func TestTheAppsDomainIsForOperatorsToCertify(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	member, err := client.New(w.URL, w.NewMember(t, platform.Invitation{Name: "m", Role: platform.RoleMember}), "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"*.apps.example", "apps.example", "*.Apps.Example."} {
		if _, err := member.AddDomain(t.Context(), wire.NewDomain{Name: name, Service: "web"}); !errors.Is(err, platform.ErrForbidden) {
			t.Errorf("a member adds %s: %v", name, err)
		}
	}
	if _, err := member.AddDomain(t.Context(), wire.NewDomain{Name: "www.elsewhere.example", Service: "web"}); err != nil {
		t.Errorf("a member adds another one: %v", err)
	}
	if _, err := w.AddDomain(t.Context(), wire.NewDomain{Name: "*.apps.example", Service: "web"}); err != nil {
		t.Errorf("an operator adds it: %v", err)
	}
}

func TestAServiceWhoseHostIsSharedGoesAfterThoseThatShareIt(t *testing.T) {
	w := start(t)
	w.service(t, "app")
	w.service(t, "parts")
	for _, d := range []wire.NewDomain{{Name: "www.example.com", Service: "app"}, {Name: "www.example.com/api", Service: "parts"}} {
		if _, err := w.AddDomain(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.DeleteService(t.Context(), "app"); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("deleted alone: %v", err)
	}
	if err := w.DeleteProject(t.Context(), "default", true); err != nil {
		t.Errorf("deleted with those that share it: %v", err)
	}
}
