package cert

import (
	"context"
	"fmt"
	"strings"

	"csph/platform"
	"csph/router/cert/dnscheck"
)

// Draft is a domain that can be recorded: name normal, and the first status. internal asks for a certificate of
// the server's own authority, which private names get in any case. Of the apps domain only the wildcard may be
// added, where it is public: its certificate then serves every service's own host. The error is platform.ErrInvalid.
//
// A name with a path, www.example.com/api, is some paths of a host that is a domain itself: it needs no certificate.
func (k *Keeper) Draft(service, name string, hsts int64, internal bool) (platform.Domain, error) {
	if host, prefix := platform.SplitDomain(name); prefix != "" {
		if hsts != 0 || internal {
			return platform.Domain{}, fmt.Errorf("%w: HSTS and certificate are those of the host; add them to %s", platform.ErrInvalid, host)
		}
		return draftPart(service, host, prefix)
	}
	normal, err := NormalName(name)
	if err != nil {
		return platform.Domain{}, err
	}
	if k.Local.Covers(strings.TrimPrefix(normal, "*.")) && (normal != "*."+k.Local.Domain() || Private(normal)) {
		return platform.Domain{}, fmt.Errorf("%w: %s lies below the apps domain, whose names csph gives to services by itself", platform.ErrInvalid, normal)
	}
	if hsts < 0 {
		return platform.Domain{}, fmt.Errorf("%w: an HSTS max-age of %d seconds is negative", platform.ErrInvalid, hsts)
	}
	d := platform.Domain{Service: service, Name: normal, HSTS: hsts, Status: platform.PendingDNS}
	d.Certificate.Source = platform.FromACME
	d.State.Message = "its DNS records have not been looked at yet"
	if internal || Private(normal) {
		d.Status, d.Certificate.Source = platform.DomainActive, platform.FromInternal
		d.State.Message = "served over HTTPS with a certificate of the server's own authority; csph domains trust says how to trust it"
	}
	return d, nil
}

// draftPart is Draft for some paths of a host.
func draftPart(service, host, prefix string) (platform.Domain, error) {
	normal, err := NormalName(host)
	if err == nil {
		err = platform.CheckPrefix(prefix)
	}
	if err == nil && isWildcard(normal) {
		err = fmt.Errorf("%w: a wildcard cannot be shared by paths; name each host", platform.ErrInvalid)
	}
	d := platform.Domain{Service: service, Name: normal + prefix, Status: platform.DomainActive}
	d.Certificate.Source = platform.FromHost
	d.State.Message = "requests for " + prefix + " and below it go to the service; " + normal + " is served as its own domain says"
	return d, err
}

// Added begins to serve, and to work on, a domain that was recorded.
func (k *Keeper) Added(ctx context.Context, d platform.Domain) {
	if d.Certificate.Source != platform.FromHost {
		k.serve(d, nil)
	}
	k.publish(ctx, d, platform.EventDomainAdded, d.Name+" was added; it is "+string(d.Status))
	k.Wake()
}

// Reload serves a domain by what its record says now, after its HSTS was changed.
func (k *Keeper) Reload(d platform.Domain) {
	if d.Certificate.Source != platform.FromHost {
		k.serve(d, k.certOf(d.Name))
	}
}

// Removed stops serving a domain whose record is gone, ends an order for it, and deletes its certificates and keys.
func (k *Keeper) Removed(ctx context.Context, d platform.Domain) error {
	k.abandon(d.ID)
	done, err := k.await(ctx, d.ID)
	if err != nil {
		return err
	}
	defer done()
	k.forgetPlan(d.ID)
	k.publish(ctx, d, platform.EventDomainRemoved, d.Name+" was removed")
	if d.Certificate.Source == platform.FromHost {
		return nil // it has none of its own
	}
	k.sites.put(map[string]*site{d.Name: nil})
	return k.discard(ctx, d.Name)
}

// Verify looks at the DNS of a domain now, moves it accordingly, and orders, soon after it returns, where an
// order is possible. The finding is what was seen. An order that is under way is waited for.
func (k *Keeper) Verify(ctx context.Context, id string) (platform.Domain, dnscheck.Finding, error) {
	done, err := k.await(ctx, id)
	if err != nil {
		return platform.Domain{}, dnscheck.Finding{}, err
	}
	defer done()
	d, err := k.Records.Domain(ctx, id)
	if err != nil {
		return d, dnscheck.Finding{}, err
	}
	host, _ := platform.SplitDomain(d.Name)
	f, err := k.DNS.Check(ctx, host, k.expect(ctx, d))
	if err != nil || d.Status == platform.DomainActive || d.Status == platform.Issuing || d.Certificate.Source != platform.FromACME {
		return d, f, err
	}
	d, _, err = k.judged(ctx, d, f)
	return d, f, err
}

// DNSRecords are the records that a domain needs: one that follows the service's own host, where that is in
// the public DNS, or else the server's addresses.
func (k *Keeper) DNSRecords(ctx context.Context, d platform.Domain) []platform.DNSRecord {
	var all []platform.DNSRecord
	if d.Certificate.Source == platform.FromHost {
		return all // the host has them
	}
	e := k.Expect(ctx, d)
	direct := ""
	if e.Host != "" {
		all = append(all, alias(d.Name, e.Host))
		direct = all[0].Type
	}
	for _, a := range e.Addresses {
		kind := "A"
		if a.Is6() {
			kind = "AAAA"
		}
		all = append(all, platform.DNSRecord{Type: kind, Name: d.Name, Value: a.String(), Instead: direct})
	}
	if isWildcard(d.Name) {
		all = append(all, k.challengeRecord(d.Name))
	}
	return all
}

// alias is the record that follows the service's host wherever it moves.
func alias(name, host string) platform.DNSRecord {
	if !isApex(name) {
		return platform.DNSRecord{Type: "CNAME", Name: name, Value: host + "."}
	}
	return platform.DNSRecord{Type: "ALIAS", Name: name, Value: host + ".", Note: "called ANAME or CNAME flattening by some providers; the apex of a zone cannot have a CNAME"}
}

// challengeRecord is the record that proves a wildcard.
func (k *Keeper) challengeRecord(name string) platform.DNSRecord {
	r := platform.DNSRecord{Type: "TXT", Name: "_acme-challenge." + strings.TrimPrefix(name, "*."), Value: "(another one with each order)"}
	if p := k.providerFor(name); p != nil {
		r.Note = "made and removed by csph through " + p.Name
	} else {
		r.Note = "csph needs a provider of the zone under acme.dns in its configuration to make it"
	}
	return r
}
