package volumes

import (
	"context"

	"csph/platform"
)

// Records keeps volumes and snapshots. Every write is durable when it returns.
type Records interface {
	Volumes(ctx context.Context, account string) ([]platform.Volume, error)
	CreateVolume(ctx context.Context, v platform.Volume) (platform.Volume, error)
	MeasuredVolume(ctx context.Context, id string, bytes int64) error
	DeleteVolume(ctx context.Context, id string) error
	Attach(ctx context.Context, volume, service, path string) (platform.Volume, error)
	Detach(ctx context.Context, volume, service string) (platform.Volume, error)
	CreateSnapshot(ctx context.Context, s platform.Snapshot) (platform.Snapshot, error)
	Snapshots(ctx context.Context, volume string) ([]platform.Snapshot, error)
	DeleteSnapshot(ctx context.Context, id string) error
	// DiskRoom refuses, with the figures, what the disk quota of the account of a project has no room for.
	DiskRoom(ctx context.Context, project string, moreMB int64) error
	// Publish puts an event on the bus.
	Publish(ctx context.Context, e platform.Event) (platform.Event, error)
}

// Engine stops what writes to a volume for a moment.
type Engine interface {
	// Holders lists the spherelets that run with a volume, those of commands that are run once included.
	Holders(ctx context.Context, volume string) ([]string, error)
	// Freeze stops the processes of a spherelet where they stand; platform.ErrNotFound when it does not run.
	Freeze(ctx context.Context, spherelet string) error
	Thaw(ctx context.Context, spherelet string) error
}

// Rollouts gives services their volumes.
type Rollouts interface {
	// Remount rolls what is live of a service out again with the volumes that the service has by now; deployed is
	// false where nothing is live.
	Remount(ctx context.Context, service string, t platform.Trigger) (d platform.Deployment, deployed bool, err error)
}
