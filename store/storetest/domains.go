package storetest

import (
	"errors"
	"reflect"
	"time"

	"csph/platform"
)

var domainTests = map[string]func(*fixture){
	"ADomainIsKeptWithEverythingOfIt": func(f *fixture) {
		want := platform.Domain{
			Service: f.service("web").ID, Name: "www.example.com", Status: platform.PendingDNS, HSTS: 3600,
			State:       platform.DomainState{Reason: platform.DNSMissing, Message: "m", Hint: "h", Proxy: "p", Attempts: 3, NextTry: time.Unix(9, 0).UTC()},
			Certificate: platform.DomainCertificate{Source: platform.FromACME, Issuer: "i", NotAfter: time.Unix(10, 0).UTC()},
		}
		made, err := f.CreateDomain(f.ctx, want)
		f.ok(err)
		want.ID, want.Created, want.Account, want.ServiceName = made.ID, made.Created, f.account, "web"
		if !reflect.DeepEqual(made, want) || made.Created.IsZero() {
			f.t.Fatalf("made %+v; want %+v", made, want)
		}
		for _, ref := range []string{made.ID, "www.example.com", "WWW.Example.com."} {
			found, err := f.FindDomain(f.ctx, f.account, ref)
			f.ok(err)
			same(f, "id", found.ID, made.ID)
		}
		_, err = f.FindDomain(f.ctx, "acc_other", made.ID)
		f.refused(err, platform.ErrNotFound)
		part := f.domain("api", "www.example.com/Api")
		found, err := f.FindDomain(f.ctx, f.account, "WWW.Example.com/Api")
		f.ok(err)
		same(f, "id", found.ID, part.ID)
		_, err = f.FindDomain(f.ctx, f.account, "www.example.com/api") // paths have cases
		f.refused(err, platform.ErrNotFound)
	},
	"ADomainBelongsToOneServiceOnly": func(f *fixture) {
		f.domain("web", "www.example.com")
		_, err := f.CreateDomain(f.ctx, platform.Domain{Service: f.service("api").ID, Name: "www.example.com", Status: platform.PendingDNS})
		f.refused(err, platform.ErrConflict)
		f.domain("shop", "*.example.com")
		f.domain("blog", "other.example.com")
		_, err = f.CreateDomain(f.ctx, platform.Domain{Service: "svc_none", Name: "a.example.com"})
		f.refused(err, platform.ErrNotFound)
	},
	"DomainsAreListedByNameAndDeleted": func(f *fixture) {
		b, a := f.domain("web", "b.example.com"), f.domain("api", "a.example.com")
		all, err := f.Domains(f.ctx, f.account)
		f.ok(err)
		same(f, "number of domains", len(all), 2)
		same(f, "first", all[0], a)
		others, err := f.Domains(f.ctx, "acc_other")
		f.ok(err)
		same(f, "number of another account's", len(others), 0)
		f.ok(f.DeleteDomain(f.ctx, b.ID))
		f.refused(f.DeleteDomain(f.ctx, b.ID), platform.ErrNotFound)
		_, err = f.Domain(f.ctx, b.ID)
		f.refused(err, platform.ErrNotFound)
	},
	"ADomainGoesWithItsService": func(f *fixture) {
		d := f.domain("web", "www.example.com")
		f.ok(f.DeleteService(f.ctx, d.Service))
		_, err := f.Domain(f.ctx, d.ID)
		f.refused(err, platform.ErrNotFound)
	},
	"ADomainMovesByCompareAndSet": func(f *fixture) {
		d := f.domain("web", "www.example.com")
		got, err := f.AdvanceDomain(f.ctx, d.ID, platform.PendingDNS, platform.FindDNS, func(d *platform.Domain) { d.State.Message = "seen" })
		f.ok(err)
		same(f, "status", got.Status, platform.Validating)
		same(f, "message", got.State.Message, "seen")
		_, err = f.AdvanceDomain(f.ctx, d.ID, platform.PendingDNS, platform.FindDNS, nil)
		f.refused(err, platform.ErrConflict)
		_, err = f.AdvanceDomain(f.ctx, d.ID, platform.Validating, platform.Issue, func(d *platform.Domain) { d.State.Message = "lie" })
		f.refused(err, platform.ErrConflict)
		read, err := f.Domain(f.ctx, d.ID)
		f.ok(err)
		same(f, "domain", read, got)
	},
	"AnUpdateLeavesNameServiceAndStatusAlone": func(f *fixture) {
		d := f.domain("web", "www.example.com")
		got, err := f.UpdateDomain(f.ctx, d.ID, func(d *platform.Domain) error {
			d.HSTS, d.State.Attempts = 60, 2
			d.Name, d.Service, d.Status = "x", "y", platform.DomainActive
			return nil
		})
		f.ok(err)
		d.HSTS, d.State.Attempts = 60, 2
		same(f, "domain", got, d)
		stop := errors.New("stop")
		_, err = f.UpdateDomain(f.ctx, d.ID, func(d *platform.Domain) error { d.HSTS = 1; return stop })
		f.refused(err, stop)
		read, err := f.Domain(f.ctx, d.ID)
		f.ok(err)
		same(f, "hsts", read.HSTS, 60)
	},
}

// domain makes a domain of a new service.
func (f *fixture) domain(service, name string) platform.Domain {
	f.t.Helper()
	d, err := f.CreateDomain(f.ctx, platform.Domain{
		Service: f.service(service).ID, Name: name, Status: platform.PendingDNS,
		Certificate: platform.DomainCertificate{Source: platform.FromACME},
	})
	f.ok(err)
	return d
}
