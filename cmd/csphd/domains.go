package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"csph/api/wire"
	"csph/gitd/remote"
	"csph/platform"
	"csph/router/cert"
	"csph/router/cert/budget"
	"csph/router/cert/dnscheck"
	"csph/router/localca"
	"csph/store"
)

// makeDomains makes what keeps domains in certificates, and serves those that are there.
func (s *server) makeDomains(ctx context.Context) error {
	local, err := localca.Open(filepath.Join(s.config.State, "tls"), s.config.AppsDomain)
	if err != nil {
		return err
	}
	allowed, err := networks("remote.allow", s.config.Remote.Allow)
	if err != nil {
		return err
	}
	c := cert.Config{
		Responders: remote.New(remote.Config{Allow: allowed}).Transport(),
		Records:    s.db, Bus: s.db, Local: local, Logger: s.logger, Expect: s.expect,
		Storage: &certmagic.FileStorage{Path: filepath.Join(s.config.State, "certificates")},
		Ports:   cert.Ports{HTTP: s.config.HTTP, HTTPS: s.config.HTTPS}, Resolvers: s.config.Domains.Resolvers,
	}
	if strings.EqualFold(s.config.HTTPS, "off") {
		c.Ports.HTTPS = ""
	}
	if c.DNS, err = dnscheck.New(s.config.Domains.Resolvers); err != nil {
		return err
	}
	if c.Directories, err = s.config.ACME.directories(); err != nil {
		return err
	}
	if c.Providers, err = s.config.ACME.providers(); err != nil {
		return err
	}
	c.Ledger = budget.New(c.Storage, time.Now)
	s.keeper = cert.New(c)
	s.local = local
	if err := s.keeper.Load(ctx); err != nil {
		return err
	}
	s.front.doorman.keeper.Store(s.keeper)
	return s.routeDomains(ctx)
}

// routeDomains has the domains that are recorded lead to their services, from the next swap on.
func (s *server) routeDomains(ctx context.Context) error {
	s.routes = newDomainRoutes(s.tandem())
	all, err := s.db.Domains(ctx, "")
	if err != nil {
		return err
	}
	for _, d := range all {
		if err := s.routes.add(ctx, d.Service, d.Name); err != nil {
			return err
		}
	}
	return nil
}

// expect is where the DNS should send a domain.
func (s *server) expect(ctx context.Context, d platform.Domain) dnscheck.Expect {
	e := dnscheck.Expect{Addresses: s.publicAddresses()}
	if cert.Private(s.config.AppsDomain) {
		return e
	}
	svc, err := s.db.Service(ctx, d.Service)
	if err == nil {
		e.Host = s.hostOf(svc)
	}
	return e
}

// publicAddresses are those of the configuration, else the public ones of the machine's interfaces.
func (s *server) publicAddresses() []netip.Addr {
	all, err := s.config.Domains.addresses()
	if err != nil || len(all) > 0 {
		return all
	}
	found, err := net.InterfaceAddrs()
	if err != nil {
		s.logger.Warn("the addresses of this machine cannot be read; say them under domains.addresses", "err", err)
		return nil
	}
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() && !p.Addr().IsPrivate() {
			all = append(all, p.Addr())
		}
	}
	return all
}

// domains is the domains of services as the API wants them.
type domains struct {
	db     *store.DB
	keeper *cert.Keeper
	routes *domainRoutes
	local  *localca.Authority
}

func (s *server) domains() domains { return domains{s.db, s.keeper, s.routes, s.local} }

func (d domains) Domains(ctx context.Context, account string) ([]platform.Domain, error) {
	return d.db.Domains(ctx, account)
}

func (d domains) FindDomain(ctx context.Context, account, ref string) (platform.Domain, error) {
	return d.db.FindDomain(ctx, account, ref)
}

// AddDomain records a domain and routes it at once; its certificate follows.
func (d domains) AddDomain(ctx context.Context, svc platform.Service, n wire.NewDomain) (platform.Domain, error) {
	draft, err := d.keeper.Draft(svc.ID, n.Name, n.HSTS, n.Internal)
	if err != nil {
		return draft, err
	}
	if err := d.wholeIsThere(ctx, svc, draft); err != nil {
		return draft, err
	}
	if !svc.Type.Routed() {
		return draft, fmt.Errorf("%w: %s is a %s service, which nothing is routed to", platform.ErrInvalid, svc.Name, svc.Type)
	}
	if n.Certificate != "" || n.Key != "" {
		if _, err := cert.ParseUpload(draft.Name, []byte(n.Certificate), []byte(n.Key), time.Now()); err != nil {
			return draft, err
		}
	}
	made, err := d.db.CreateDomain(ctx, draft)
	if err != nil {
		return made, err
	}
	if err := d.routes.add(ctx, made.Service, made.Name); err != nil {
		return made, errors.Join(err, d.db.DeleteDomain(ctx, made.ID))
	}
	if n.Certificate != "" {
		return d.keeper.Upload(ctx, made.ID, []byte(n.Certificate), []byte(n.Key))
	}
	d.keeper.Added(ctx, made)
	return made, nil
}

// wholeIsThere refuses some paths of a host that is no domain of the same account: its DNS and its certificate are
// the host's.
func (d domains) wholeIsThere(ctx context.Context, svc platform.Service, draft platform.Domain) error {
	host, prefix := platform.SplitDomain(draft.Name)
	if prefix == "" {
		return nil
	}
	_, err := d.db.FindDomain(ctx, svc.Account, host)
	if errors.Is(err, platform.ErrNotFound) {
		return fmt.Errorf("%w: %s is no domain of yours; csph domains add %s --service NAME comes first", platform.ErrConflict, host, host)
	}
	return err
}

// partsOf returns the domains that are some paths of a host.
func (d domains) partsOf(ctx context.Context, whole platform.Domain) ([]platform.Domain, error) {
	all, err := d.db.Domains(ctx, whole.Account)
	return slices.DeleteFunc(all, func(x platform.Domain) bool {
		host, prefix := platform.SplitDomain(x.Name)
		return prefix == "" || host != whole.Name
	}), err
}

// refuseParts refuses to take a host away of which other services have paths: they would end with it. Each is named.
func refuseParts(parts []platform.Domain) error {
	if len(parts) == 0 {
		return nil
	}
	leads, removals := make([]string, len(parts)), make([]string, len(parts))
	for i, x := range parts {
		host, _ := platform.SplitDomain(x.Name)
		leads[i] = fmt.Sprintf("%s leads to service %s by paths of %s", x.Name, x.ServiceName, host)
		removals[i] = "csph domains remove " + x.Name
	}
	return fmt.Errorf("%w: %s; %s comes first", platform.ErrConflict, strings.Join(leads, ", "), strings.Join(removals, " && "))
}

func (d domains) VerifyDomain(ctx context.Context, id string) (platform.Domain, wire.DNSFinding, error) {
	after, f, err := d.keeper.Verify(ctx, id)
	out := wire.DNSFinding{Verdict: string(f.Verdict), Message: f.Message, Hint: f.Hint, Addresses: f.Addresses}
	return after, out, err
}

// ConfigureDomain changes a domain's certificate or HSTS, unless check returns an error.
func (d domains) ConfigureDomain(ctx context.Context, id string, c wire.DomainChange, check func(platform.Domain) error) (platform.Domain, error) {
	if c.Certificate != "" || c.Key != "" {
		if after, err := d.upload(ctx, id, c, check); err != nil {
			return after, err
		}
		check = func(platform.Domain) error { return nil } // it is what the upload has just made of it
	}
	after, err := d.db.UpdateDomain(ctx, id, func(d *platform.Domain) error {
		if err := check(*d); err != nil || c.HSTS == nil {
			return err
		}
		if host, prefix := platform.SplitDomain(d.Name); prefix != "" {
			return fmt.Errorf("%w: browsers are told to stay on HTTPS for all of a host: csph domains set-hsts %s", platform.ErrInvalid, host)
		}
		d.HSTS = *c.HSTS
		return nil
	})
	if err == nil {
		d.keeper.Reload(after)
	}
	return after, err
}

func (d domains) upload(ctx context.Context, id string, c wire.DomainChange, check func(platform.Domain) error) (platform.Domain, error) {
	before, err := d.db.Domain(ctx, id)
	if err == nil {
		err = check(before)
	}
	if err != nil {
		return before, err
	}
	return d.keeper.Upload(ctx, id, []byte(c.Certificate), []byte(c.Key))
}

// RemoveDomain takes a domain, its route and its certificates away.
func (d domains) RemoveDomain(ctx context.Context, gone platform.Domain) error {
	parts, err := d.partsOf(ctx, gone)
	if err != nil {
		return err
	}
	if err := refuseParts(parts); err != nil {
		return err
	}
	if err := d.db.DeleteDomain(ctx, gone.ID); err != nil {
		return err
	}
	if err := d.routes.drop(ctx, gone.Service, gone.Name); err != nil {
		return err
	}
	return d.keeper.Removed(ctx, gone)
}

func (d domains) DNSRecords(ctx context.Context, x platform.Domain) []platform.DNSRecord {
	return d.keeper.DNSRecords(ctx, x)
}

// Root is what a client trusts the server's own authority by.
func (d domains) Root() []byte { return d.local.Root() }

// forget is for the domains of a service that is gone, whose records went with it.
func (d domains) forget(ctx context.Context, gone []platform.Domain) error {
	for _, x := range gone {
		if err := d.routes.drop(ctx, x.Service, x.Name); err != nil {
			return err
		}
		if err := d.keeper.Removed(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// of lists the domains of a service.
func (d domains) of(ctx context.Context, service string) ([]platform.Domain, error) {
	all, err := d.db.Domains(ctx, "")
	return slices.DeleteFunc(all, func(x platform.Domain) bool { return x.Service != service }), err
}

// refuseShared refuses to withdraw a service that has hosts of which other services have paths.
func (d domains) refuseShared(ctx context.Context, service string, gone []platform.Domain) error {
	var shared []platform.Domain
	for _, x := range gone {
		parts, err := d.partsOf(ctx, x)
		if err != nil {
			return err
		}
		shared = append(shared, slices.DeleteFunc(parts, func(x platform.Domain) bool { return x.Service == service })...)
	}
	return refuseParts(shared)
}

// withdrawing is the deployer whose services take their domains with them when they go.
type withdrawing struct {
	deployer
	domains domains
}

func (w withdrawing) Withdraw(ctx context.Context, service string) error {
	gone, err := w.domains.of(ctx, service)
	if err != nil {
		return err
	}
	if err := w.domains.refuseShared(ctx, service, gone); err != nil {
		return err
	}
	if err := w.deployer.Withdraw(ctx, service); err != nil {
		return err
	}
	return w.domains.forget(ctx, gone)
}
