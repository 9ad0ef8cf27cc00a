package client

import (
	"context"
	"net/http"
	"net/url"

	"csph/api/wire"
	"csph/platform"
)

// Whoami says who the token speaks for.
func (c *Client) Whoami(ctx context.Context) (wire.Whoami, error) {
	return ask[wire.Whoami](ctx, c, http.MethodGet, "/v1/whoami", nil)
}

// Status says how the server is.
func (c *Client) Status(ctx context.Context) (wire.ServerStatus, error) {
	return ask[wire.ServerStatus](ctx, c, http.MethodGet, "/v1/status", nil)
}

// Disk says what uses the server's disk.
func (c *Client) Disk(ctx context.Context) (wire.Disk, error) {
	return ask[wire.Disk](ctx, c, http.MethodGet, "/v1/disk", nil)
}

// ClearCache drops what builds of a service have cached.
func (c *Client) ClearCache(ctx context.Context, ref string) (wire.Freed, error) {
	return ask[wire.Freed](ctx, c, http.MethodPost, pathOf("/v1/services/{}/clear-cache", ref), nil)
}

// Services lists the account's services.
func (c *Client) Services(ctx context.Context) ([]wire.ServiceView, error) {
	return all[wire.ServiceView](ctx, c, "/v1/services", nil)
}

// Service returns the service that ref means: an id, a unique prefix of one, name, env/name or project/env/name.
func (c *Client) Service(ctx context.Context, ref string) (wire.ServiceView, error) {
	return ask[wire.ServiceView](ctx, c, http.MethodGet, pathOf("/v1/services/{}", ref), nil)
}

// CreateService makes a service.
func (c *Client) CreateService(ctx context.Context, n wire.NewService) (wire.ServiceView, error) {
	return ask[wire.ServiceView](ctx, c, http.MethodPost, "/v1/services", n)
}

// Configure changes a service's config and rolls it out where something is live.
func (c *Client) Configure(ctx context.Context, ref string, change wire.ConfigChange) (wire.Configured, error) {
	return ask[wire.Configured](ctx, c, http.MethodPatch, pathOf("/v1/services/{}", ref), change)
}

// DeleteService stops and deletes a service with everything it has.
func (c *Client) DeleteService(ctx context.Context, ref string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/services/{}", ref), nil, nil)
}

// forced is the query of a deletion.
func forced(force bool) string {
	if force {
		return "?force=true"
	}
	return ""
}

// Suspend stops the spherelets of a service.
func (c *Client) Suspend(ctx context.Context, ref string) (wire.ServiceView, error) {
	return ask[wire.ServiceView](ctx, c, http.MethodPost, pathOf("/v1/services/{}/suspend", ref), nil)
}

// Resume starts a suspended service again.
func (c *Client) Resume(ctx context.Context, ref string) (platform.Deployment, error) {
	return ask[platform.Deployment](ctx, c, http.MethodPost, pathOf("/v1/services/{}/resume", ref), nil)
}

// Restart replaces the spherelets of what is live.
func (c *Client) Restart(ctx context.Context, ref string) (platform.Deployment, error) {
	return ask[platform.Deployment](ctx, c, http.MethodPost, pathOf("/v1/services/{}/restart", ref), nil)
}

// ServiceSpherelets lists the spherelets of what is live.
func (c *Client) ServiceSpherelets(ctx context.Context, ref string) ([]platform.Spherelet, error) {
	return all[platform.Spherelet](ctx, c, pathOf("/v1/services/{}/spherelets", ref), nil)
}

// Deployments lists deployments of a service ("" for all), newest first, at most limit.
func (c *Client) Deployments(ctx context.Context, service string, limit int) ([]platform.Deployment, error) {
	q := url.Values{}
	put(q, "service", service)
	return atMost[platform.Deployment](ctx, c, "/v1/deployments", q, limit)
}

// Deployment returns the deployment with this id, or unique prefix of one.
func (c *Client) Deployment(ctx context.Context, ref string) (platform.Deployment, error) {
	return ask[platform.Deployment](ctx, c, http.MethodGet, pathOf("/v1/deployments/{}", ref), nil)
}

// DeployImage asks for a deployment of n.Image and returns it, queued.
func (c *Client) DeployImage(ctx context.Context, service string, n wire.NewDeployment) (platform.Deployment, error) {
	return ask[platform.Deployment](ctx, c, http.MethodPost, pathOf("/v1/services/{}/deployments", service), n)
}

// Cancel cancels a deployment that is queued or building, and returns it as it then is.
func (c *Client) Cancel(ctx context.Context, ref string) (platform.Deployment, error) {
	return ask[platform.Deployment](ctx, c, http.MethodPost, pathOf("/v1/deployments/{}/cancel", ref), nil)
}

// Redeploy deploys the image of a deployment with the service's present config.
func (c *Client) Redeploy(ctx context.Context, ref string) (platform.Deployment, error) {
	return ask[platform.Deployment](ctx, c, http.MethodPost, pathOf("/v1/deployments/{}/redeploy", ref), nil)
}

// Rollback deploys image, config and env of a deployment.
func (c *Client) Rollback(ctx context.Context, ref string) (platform.Deployment, error) {
	return ask[platform.Deployment](ctx, c, http.MethodPost, pathOf("/v1/deployments/{}/rollback", ref), nil)
}

// Keys lists the account's SSH keys.
func (c *Client) Keys(ctx context.Context) ([]platform.Key, error) {
	return all[platform.Key](ctx, c, "/v1/keys", nil)
}

// AddKey adds an SSH key.
func (c *Client) AddKey(ctx context.Context, n wire.NewKey) (platform.Key, error) {
	return ask[platform.Key](ctx, c, http.MethodPost, "/v1/keys", n)
}

// RemoveKey removes an SSH key by id, fingerprint or name.
func (c *Client) RemoveKey(ctx context.Context, ref string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/keys/{}", ref), nil, nil)
}
