package ledger

import (
	"context"

	"csph/api/wire"
	"csph/platform"
	"csph/volumes"
)

// Volumes is the keeper of volumes as the API wants it.
type Volumes struct{ *volumes.Keeper }

// Attach implements api.Volumes.
func (v Volumes) Attach(ctx context.Context, of platform.Volume, svc platform.Service, path string, t platform.Trigger) (wire.VolumeChanged, error) {
	c, err := v.Keeper.Attach(ctx, of, svc, path, t)
	return wire.VolumeChanged(c), err
}

// Detach implements api.Volumes.
func (v Volumes) Detach(ctx context.Context, of platform.Volume, svc platform.Service, t platform.Trigger) (wire.VolumeChanged, error) {
	c, err := v.Keeper.Detach(ctx, of, svc, t)
	return wire.VolumeChanged(c), err
}

// Restore implements api.Volumes.
func (v Volumes) Restore(ctx context.Context, of platform.Volume, s platform.Snapshot, t platform.Trigger) (wire.VolumeRestored, error) {
	r, err := v.Keeper.Restore(ctx, of, s, t)
	return wire.VolumeRestored{VolumeChanged: wire.VolumeChanged(r.Change), Before: &r.Before}, err
}
