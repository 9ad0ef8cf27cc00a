package deploy

import (
	"context"
	"fmt"

	"csph/platform"
)

// withinQuota refuses, with the figures, a config that is more than the account of a service may use beside
// what else it uses, and a build when it has as many under way as it may.
func (d *Deployer) withinQuota(ctx context.Context, svc platform.Service, c platform.Config, build bool) error {
	if d.Quota == nil {
		return nil
	}
	limit, used, err := d.Quota(ctx, svc.Account, svc.ID)
	if err != nil {
		return fmt.Errorf("read the quota: %w", err)
	}
	if err := sizeWithin(limit, used, c); err != nil || !build {
		return err
	}
	switch {
	case limit.Builds > 0 && used.Builds >= limit.Builds:
		return fmt.Errorf("%w: the account may have %d deployments queued or building at once, and has %d; wait for one, or cancel one: csph deployments list", platform.ErrCapacity, limit.Builds, used.Builds)
	case limit.DiskMB > 0 && used.DiskMB >= limit.DiskMB:
		return fmt.Errorf("%w: the images, volumes and snapshots of the account take %d MB of the %d MB it may have; delete services, volumes or snapshots that are not needed", platform.ErrCapacity, used.DiskMB, limit.DiskMB)
	}
	return nil
}

func sizeWithin(limit, used platform.Quota, c platform.Config) error {
	shape, err := platform.ShapeNamed(c.Shape)
	if err != nil {
		return err
	}
	n := int64(c.Count)
	for _, q := range []struct {
		what              string
		wanted, used, max int64
	}{
		{"spherelets", n, int64(used.Spherelets), int64(limit.Spherelets)},
		{"thousandths of a vCPU", n * shape.MilliCPU, used.MilliCPU, limit.MilliCPU},
		{"MB of memory", n * shape.Memory >> 20, used.MemoryMB, limit.MemoryMB},
	} {
		if q.max > 0 && q.wanted+q.used > q.max {
			return fmt.Errorf("%w: %d × %s needs %d %s; the account may use %d and its other services use %d; lower --count or --shape, or free some with csph services scale",
				platform.ErrCapacity, c.Count, shape.Name, q.wanted, q.what, q.max, q.used)
		}
	}
	return nil
}
