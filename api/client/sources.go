package client

import (
	"context"
	"net/http"

	"csph/api/wire"
	"csph/platform"
)

// Repository returns the repository that a service is connected to; platform.ErrNotFound when it is to none.
func (c *Client) Repository(ctx context.Context, service string) (platform.Repository, error) {
	return ask[platform.Repository](ctx, c, http.MethodGet, pathOf("/v1/services/{}/repository", service), nil)
}

// ConnectRepository connects a service to a repository, once that has let csph in.
func (c *Client) ConnectRepository(ctx context.Context, service string, n wire.NewRepository) (wire.Connected, error) {
	return ask[wire.Connected](ctx, c, http.MethodPut, pathOf("/v1/services/{}/repository", service), n)
}

// DisconnectRepository forgets the repository of a service.
func (c *Client) DisconnectRepository(ctx context.Context, service string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/services/{}/repository", service), nil, nil)
}

// Webhooks lists a service's webhooks.
func (c *Client) Webhooks(ctx context.Context, service string) ([]platform.Webhook, error) {
	return all[platform.Webhook](ctx, c, pathOf("/v1/services/{}/webhooks", service), nil)
}

// CreateWebhook makes a webhook; its secret is in the answer, and never again.
func (c *Client) CreateWebhook(ctx context.Context, service string, n wire.NewWebhook) (wire.MadeWebhook, error) {
	return ask[wire.MadeWebhook](ctx, c, http.MethodPost, pathOf("/v1/services/{}/webhooks", service), n)
}

// RotateWebhook gives a webhook a new secret.
func (c *Client) RotateWebhook(ctx context.Context, id string) (wire.MadeWebhook, error) {
	return ask[wire.MadeWebhook](ctx, c, http.MethodPost, pathOf("/v1/webhooks/{}/rotate", id), nil)
}

// DeleteWebhook deletes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/webhooks/{}", id), nil, nil)
}

// Deliveries lists what a webhook has taken on, the newest first. At most limit; 0: all.
func (c *Client) Deliveries(ctx context.Context, webhook string, limit int) ([]platform.Delivery, error) {
	return atMost[platform.Delivery](ctx, c, pathOf("/v1/webhooks/{}/deliveries", webhook), nil, limit)
}
