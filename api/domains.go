package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

// DomainRecords keeps domains.
type DomainRecords interface {
	// Domains lists an account's domains by name.
	Domains(ctx context.Context, account string) ([]platform.Domain, error)
	// FindDomain takes an id or a name.
	FindDomain(ctx context.Context, account, ref string) (platform.Domain, error)
}

// Domains routes domains and keeps them in certificates.
type Domains interface {
	DomainRecords
	// AddDomain records a domain and routes it, both when it returns; its certificate follows.
	AddDomain(ctx context.Context, svc platform.Service, n wire.NewDomain) (platform.Domain, error)
	// VerifyDomain looks at the DNS, and has an order made where that is right. It waits for one that is under way.
	VerifyDomain(ctx context.Context, id string) (platform.Domain, wire.DNSFinding, error)
	// ConfigureDomain asks check under the records' lock, before anything is changed.
	ConfigureDomain(ctx context.Context, id string, c wire.DomainChange, check func(platform.Domain) error) (platform.Domain, error)
	// RemoveDomain takes a domain, its route and its certificates away.
	RemoveDomain(ctx context.Context, d platform.Domain) error
	// DNSRecords are those that a domain needs.
	DNSRecords(ctx context.Context, d platform.Domain) []platform.DNSRecord
	// Root is the certificate, in PEM, of the server's own authority.
	Root() []byte
}

type addDomain struct {
	Body wire.NewDomain
}

// DomainPath is a request about one domain. It is exported because huma looks for parameters in exported fields only.
type DomainPath struct {
	Domain string `path:"domain" doc:"id or name"`
}

type configureDomain struct {
	DomainPath
	IfMatch
	Body wire.DomainChange
}

func (s *Server) domainOperations(api huma.API) {
	op := operationsOf("domains")
	add(s, api, op("list-domains", http.MethodGet, "/v1/domains", "List domains"), s.listDomains)
	add(s, api, op("add-domain", http.MethodPost, "/v1/domains", "Add a domain to a service; it leads there at once, its certificate follows").answering(http.StatusCreated), s.addDomain)
	add(s, api, op("get-domain", http.MethodGet, "/v1/domains/{domain}", "Get a domain, with the DNS records that it needs"), s.getDomain)
	add(s, api, op("configure-domain", http.MethodPatch, "/v1/domains/{domain}", "Change a domain's HSTS, or give it a certificate of one's own"), s.configureDomain)
	add(s, api, op("verify-domain", http.MethodPost, "/v1/domains/{domain}/verify", "Look at a domain's DNS now, and order where it is right"), s.verifyDomain)
	add(s, api, op("remove-domain", http.MethodDelete, "/v1/domains/{domain}", "Remove a domain, its route and its certificates"), s.removeDomain)
	add(s, api, op("get-trust", http.MethodGet, "/v1/trust", "Get what clients trust the server's own certificate authority by"), s.getTrust)
}

// domain resolves what a request calls a domain, within what its token may see.
func (s *Server) domain(ctx context.Context, ref string) (platform.Domain, error) {
	d, err := s.Domains.FindDomain(ctx, account(ctx), ref)
	if err != nil {
		return d, err
	}
	_, err = s.service(ctx, d.Service)
	return d, err
}

func (s *Server) domainView(ctx context.Context, d platform.Domain) wire.DomainView {
	view := wire.DomainView{Domain: d, Records: s.Domains.DNSRecords(ctx, d)}
	if view.Records == nil {
		view.Records = []platform.DNSRecord{}
	}
	return view
}

func (s *Server) listDomains(ctx context.Context, in *PageOfService) (*listed[platform.Domain], error) {
	service, err := s.serviceID(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	all, err := s.Domains.Domains(ctx, account(ctx))
	seen := map[string]bool{}
	all = slices.DeleteFunc(all, func(d platform.Domain) bool {
		if _, ok := seen[d.Service]; !ok {
			_, hidden := s.service(ctx, d.Service)
			seen[d.Service] = hidden == nil
		}
		return !seen[d.Service] || service != "" && d.Service != service
	})
	return short(ctx, in.Page, all, func(d platform.Domain) string { return d.Name }, err)
}

func (s *Server) addDomain(ctx context.Context, in *addDomain) (*body[wire.DomainView], error) {
	svc, err := s.service(ctx, in.Body.Service)
	if err != nil {
		return nil, err
	}
	if err := s.shared(ctx, in.Body.Name); err != nil {
		return nil, err
	}
	d, err := s.Domains.AddDomain(ctx, svc, in.Body)
	if err != nil {
		return nil, err
	}
	return answer(s.domainView(ctx, d), nil)
}

// shared refuses the apps domain, and the wildcard of it, to all but operators: every account's services are below it.
func (s *Server) shared(ctx context.Context, name string) error {
	name = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(name)), ".")
	if s.AppsDomain == "" || strings.TrimPrefix(name, "*.") != s.AppsDomain {
		return nil
	}
	if err := caller(ctx).Check(platform.MayOperate); err != nil {
		return fmt.Errorf("the services of all accounts are below %s: %w", s.AppsDomain, err)
	}
	return nil
}

// domainTag names a state of what can be changed of a domain: not how far its certificate is.
func domainTag(d platform.Domain) platform.Domain {
	d.Status, d.State = "", platform.DomainState{}
	return d
}

func (s *Server) taggedDomain(ctx context.Context, d platform.Domain, err error) (*tagged[wire.DomainView], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[wire.DomainView]{ETag: etag(domainTag(d)), Body: s.domainView(ctx, d)}, nil
}

func (s *Server) getDomain(ctx context.Context, in *DomainPath) (*tagged[wire.DomainView], error) {
	d, err := s.domain(ctx, in.Domain)
	return s.taggedDomain(ctx, d, err)
}

func (s *Server) configureDomain(ctx context.Context, in *configureDomain) (*tagged[wire.DomainView], error) {
	d, err := s.domain(ctx, in.Domain)
	if err == nil {
		d, err = s.Domains.ConfigureDomain(ctx, d.ID, in.Body, func(d platform.Domain) error { return in.check(domainTag(d)) })
	}
	return s.taggedDomain(ctx, d, err)
}

func (s *Server) verifyDomain(ctx context.Context, in *DomainPath) (*body[wire.VerifiedDomain], error) {
	d, err := s.domain(ctx, in.Domain)
	if err != nil {
		return nil, err
	}
	after, found, err := s.Domains.VerifyDomain(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	return answer(wire.VerifiedDomain{Domain: s.domainView(ctx, after), DNS: found}, nil)
}

func (s *Server) removeDomain(ctx context.Context, in *DomainPath) (*none, error) {
	d, err := s.domain(ctx, in.Domain)
	if err != nil {
		return nil, err
	}
	return nil, s.Domains.RemoveDomain(ctx, d)
}

func (s *Server) getTrust(context.Context, *none) (*body[wire.Trust], error) {
	return answer(wire.Trust{Root: string(s.Domains.Root())}, nil)
}
