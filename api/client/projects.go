package client

import (
	"context"
	"net/http"
	"net/url"

	"csph/api/wire"
	"csph/platform"
)

// Projects lists projects.
func (c *Client) Projects(ctx context.Context) ([]platform.Project, error) {
	return all[platform.Project](ctx, c, "/v1/projects", nil)
}

// Project returns the project that ref means: an id, a unique prefix of one, or a name.
func (c *Client) Project(ctx context.Context, ref string) (platform.Project, error) {
	return ask[platform.Project](ctx, c, http.MethodGet, pathOf("/v1/projects/{}", ref), nil)
}

// CreateProject makes a project.
func (c *Client) CreateProject(ctx context.Context, name string) (platform.Project, error) {
	return ask[platform.Project](ctx, c, http.MethodPost, "/v1/projects", wire.NewProject{Name: name})
}

// DeleteProject deletes a project; with force its services too.
func (c *Client) DeleteProject(ctx context.Context, ref string, force bool) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/projects/{}", ref)+forced(force), nil, nil)
}

// Environments lists the environments of a project, of all for "".
func (c *Client) Environments(ctx context.Context, project string) ([]platform.Environment, error) {
	q := url.Values{}
	put(q, "project", project)
	return all[platform.Environment](ctx, c, "/v1/environments", q)
}

// Environment returns the environment that ref means: an id, a unique prefix of one, name or project/name.
func (c *Client) Environment(ctx context.Context, ref string) (platform.Environment, error) {
	return ask[platform.Environment](ctx, c, http.MethodGet, pathOf("/v1/environments/{}", ref), nil)
}

// CreateEnvironment makes an environment.
func (c *Client) CreateEnvironment(ctx context.Context, n wire.NewEnvironment) (platform.Environment, error) {
	return ask[platform.Environment](ctx, c, http.MethodPost, "/v1/environments", n)
}

// ChangeEnvironment changes the variables of an environment.
func (c *Client) ChangeEnvironment(ctx context.Context, ref string, change wire.EnvChange) (platform.Environment, error) {
	return ask[platform.Environment](ctx, c, http.MethodPatch, pathOf("/v1/environments/{}", ref), change)
}

// DeleteEnvironment deletes an environment; with force its services too.
func (c *Client) DeleteEnvironment(ctx context.Context, ref string, force bool) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/environments/{}", ref)+forced(force), nil, nil)
}

// Secrets lists the names of a service's secret variables.
func (c *Client) Secrets(ctx context.Context, service string) ([]platform.Secret, error) {
	return all[platform.Secret](ctx, c, pathOf("/v1/services/{}/secrets", service), nil)
}

// SetSecrets sets secret variables and rolls them out where something is live.
func (c *Client) SetSecrets(ctx context.Context, service string, values map[string]string) (wire.Configured, error) {
	return ask[wire.Configured](ctx, c, http.MethodPost, pathOf("/v1/services/{}/secrets", service), wire.NewSecrets{Values: values})
}

// UnsetSecret removes a secret variable.
func (c *Client) UnsetSecret(ctx context.Context, service, name string) (wire.Configured, error) {
	return ask[wire.Configured](ctx, c, http.MethodDelete, pathOf("/v1/services/{}/secrets/{}", service, name), nil)
}

// Registries lists where a service pulls private images from.
func (c *Client) Registries(ctx context.Context, service string) ([]platform.Registry, error) {
	return all[platform.Registry](ctx, c, pathOf("/v1/services/{}/registries", service), nil)
}

// SetRegistry keeps a login for a registry once that has said yes to it.
func (c *Client) SetRegistry(ctx context.Context, service string, n wire.NewRegistry) (platform.Registry, error) {
	return ask[platform.Registry](ctx, c, http.MethodPost, pathOf("/v1/services/{}/registries", service), n)
}

// RemoveRegistry forgets a login for a registry.
func (c *Client) RemoveRegistry(ctx context.Context, service, host string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/services/{}/registries/{}", service, host), nil, nil)
}
