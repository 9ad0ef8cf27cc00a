package apitest

import (
	"context"
	"net/netip"

	"csph/api/wire"
	"csph/platform"
	"csph/store"
)

// domains keeps domains in the records, and finds every one of them right.
type domains struct{ *store.DB }

func (d domains) AddDomain(ctx context.Context, svc platform.Service, n wire.NewDomain) (platform.Domain, error) {
	return d.CreateDomain(ctx, platform.Domain{
		Service: svc.ID, Name: n.Name, HSTS: n.HSTS, Status: platform.PendingDNS,
		Certificate: platform.DomainCertificate{Source: platform.FromACME},
	})
}

func (d domains) VerifyDomain(ctx context.Context, id string) (platform.Domain, wire.DNSFinding, error) {
	after, err := d.AdvanceDomain(ctx, id, platform.PendingDNS, platform.FindDNS, nil)
	return after, wire.DNSFinding{Verdict: "right", Message: "leads here", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}, err
}

func (d domains) ConfigureDomain(ctx context.Context, id string, c wire.DomainChange, check func(platform.Domain) error) (platform.Domain, error) {
	return d.UpdateDomain(ctx, id, func(x *platform.Domain) error {
		if err := check(*x); err != nil {
			return err
		}
		if c.HSTS != nil {
			x.HSTS = *c.HSTS
		}
		return nil
	})
}

func (d domains) RemoveDomain(ctx context.Context, x platform.Domain) error {
	return d.DeleteDomain(ctx, x.ID)
}

func (d domains) DNSRecords(_ context.Context, x platform.Domain) []platform.DNSRecord {
	return []platform.DNSRecord{{Type: "A", Name: x.Name, Value: "192.0.2.1"}}
}

func (d domains) Root() []byte { return []byte("-----BEGIN CERTIFICATE-----\n") }
