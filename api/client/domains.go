package client

import (
	"context"
	"net/http"
	"net/url"

	"csph/api/wire"
	"csph/platform"
)

// Domains lists the account's domains, of one service where that is not empty.
func (c *Client) Domains(ctx context.Context, service string) ([]platform.Domain, error) {
	q := url.Values{"limit": {"1000"}}
	if service != "" {
		q.Set("service", service)
	}
	return ask[[]platform.Domain](ctx, c, http.MethodGet, "/v1/domains?"+q.Encode(), nil)
}

// AddDomain adds a domain to a service.
func (c *Client) AddDomain(ctx context.Context, n wire.NewDomain) (wire.DomainView, error) {
	return ask[wire.DomainView](ctx, c, http.MethodPost, "/v1/domains", n)
}

// Domain returns the domain that ref means: an id or a name.
func (c *Client) Domain(ctx context.Context, ref string) (wire.DomainView, error) {
	return ask[wire.DomainView](ctx, c, http.MethodGet, pathOf("/v1/domains/{}", ref), nil)
}

// ConfigureDomain changes a domain.
func (c *Client) ConfigureDomain(ctx context.Context, ref string, change wire.DomainChange) (wire.DomainView, error) {
	return ask[wire.DomainView](ctx, c, http.MethodPatch, pathOf("/v1/domains/{}", ref), change)
}

// VerifyDomain has the server look at a domain's DNS now.
func (c *Client) VerifyDomain(ctx context.Context, ref string) (wire.VerifiedDomain, error) {
	return ask[wire.VerifiedDomain](ctx, c, http.MethodPost, pathOf("/v1/domains/{}/verify", ref), nil)
}

// RemoveDomain removes a domain, its route and its certificates.
func (c *Client) RemoveDomain(ctx context.Context, ref string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/domains/{}", ref), nil, nil)
}

// Trust returns what the server's own certificate authority is trusted by.
func (c *Client) Trust(ctx context.Context) (wire.Trust, error) {
	return ask[wire.Trust](ctx, c, http.MethodGet, "/v1/trust", nil)
}
