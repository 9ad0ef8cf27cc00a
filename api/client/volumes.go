package client

import (
	"context"
	"net/http"
	"net/url"

	"csph/api/wire"
	"csph/platform"
)

// Volumes lists the account's volumes, of one service where that is not empty.
func (c *Client) Volumes(ctx context.Context, service string) ([]platform.Volume, error) {
	q := url.Values{}
	if service != "" {
		q.Set("service", service)
	}
	return all[platform.Volume](ctx, c, "/v1/volumes", q)
}

// Volume returns the volume that ref means (an id, a unique prefix of one, name, env/name or project/env/name), measured now.
func (c *Client) Volume(ctx context.Context, ref string) (platform.Volume, error) {
	return ask[platform.Volume](ctx, c, http.MethodGet, pathOf("/v1/volumes/{}", ref), nil)
}

// CreateVolume makes a volume, and attaches it where n says to what.
func (c *Client) CreateVolume(ctx context.Context, n wire.NewVolume) (wire.VolumeChanged, error) {
	return ask[wire.VolumeChanged](ctx, c, http.MethodPost, "/v1/volumes", n)
}

// ResizeVolume changes what a volume counts for.
func (c *Client) ResizeVolume(ctx context.Context, ref string, r wire.VolumeResize) (platform.Volume, error) {
	return ask[platform.Volume](ctx, c, http.MethodPatch, pathOf("/v1/volumes/{}", ref), r)
}

// DeleteVolume deletes a volume that no service has, with its snapshots.
func (c *Client) DeleteVolume(ctx context.Context, ref string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/volumes/{}", ref), nil, nil)
}

// AttachVolume gives a service a volume.
func (c *Client) AttachVolume(ctx context.Context, ref string, n wire.NewAttachment) (wire.VolumeChanged, error) {
	return ask[wire.VolumeChanged](ctx, c, http.MethodPost, pathOf("/v1/volumes/{}/attach", ref), n)
}

// DetachVolume takes a volume from a service.
func (c *Client) DetachVolume(ctx context.Context, ref string, d wire.Detachment) (wire.VolumeChanged, error) {
	return ask[wire.VolumeChanged](ctx, c, http.MethodPost, pathOf("/v1/volumes/{}/detach", ref), d)
}

// Snapshots lists a volume's snapshots, newest first.
func (c *Client) Snapshots(ctx context.Context, volume string) ([]platform.Snapshot, error) {
	return all[platform.Snapshot](ctx, c, pathOf("/v1/volumes/{}/snapshots", volume), nil)
}

// CreateSnapshot keeps what is in a volume; it returns when the copy is made.
func (c *Client) CreateSnapshot(ctx context.Context, volume string, n wire.NewSnapshot) (platform.Snapshot, error) {
	return ask[platform.Snapshot](ctx, c, http.MethodPost, pathOf("/v1/volumes/{}/snapshots", volume), n)
}

// RestoreSnapshot restores a snapshot, to its volume or a new one.
func (c *Client) RestoreSnapshot(ctx context.Context, ref string, r wire.Restore) (wire.VolumeRestored, error) {
	return ask[wire.VolumeRestored](ctx, c, http.MethodPost, pathOf("/v1/snapshots/{}/restore", ref), r)
}

// DeleteSnapshot deletes a snapshot.
func (c *Client) DeleteSnapshot(ctx context.Context, ref string) error {
	return c.call(ctx, http.MethodDelete, pathOf("/v1/snapshots/{}", ref), nil, nil)
}
