package store

import (
	"context"
	"fmt"

	"csph/platform"
)

// Usage is what an account uses now, in the units of platform.Quota, and how many services it has.
type Usage struct {
	platform.Quota
	Services int
	Live     int // services with a live deployment
}

// Usage adds up what an account uses; what service but uses or builds is left out.
func (db *DB) Usage(ctx context.Context, account, but string) (Usage, error) {
	u, err := db.use(ctx, account, but)
	if err != nil {
		return u, err
	}
	u.Services, err = one(ctx, db.reader, scanCount, "account", account, `SELECT COUNT(*) FROM projects p
		JOIN environments e ON e.project = p.id JOIN services s ON s.environment = e.id WHERE p.account = $1`, account)
	return u, db.explain(err)
}

// use adds up what is not settled; it does not count services.
func (db *DB) use(ctx context.Context, account, but string) (u Usage, err error) {
	all, err := list(ctx, db.reader, scanUse, `SELECT d.status, d.source, d.config, s.scale FROM deployments d JOIN services s ON s.id = d.service
		WHERE d.account = $1 AND d.`+unsettled+" AND d.service <> $2 AND (d.status <> 'live' OR s.suspended = $3)", account, but, false)
	if err != nil {
		return u, fmt.Errorf("read deployments of account %s: %w", account, db.explain(err))
	}
	for _, one := range all {
		u.add(one.d, one.of.Size(one.d))
	}
	return u, nil
}

// using is what of a deployment, and of the service that it is of, says how much they use.
type using struct {
	d  platform.Deployment
	of platform.Service
}

func scanUse(r row) (u using, err error) {
	err = r.Scan(&u.d.Status, document{&u.d.Source}, document{&u.d.Config}, &u.of.Scale)
	return u, err
}

func scanCount(r row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}

// add counts a deployment that is not settled; size is how many spherelets it has when it is live.
func (u *Usage) add(d platform.Deployment, size int) {
	switch d.Status {
	case platform.Live:
		shape, err := platform.ShapeNamed(d.Config.Shape)
		if err != nil {
			return
		}
		u.Live++
		u.Spherelets += size
		u.MilliCPU += int64(size) * shape.MilliCPU
		u.MemoryMB += int64(size) * shape.Memory >> 20
	case platform.Queued, platform.Building:
		if d.Source.Kind != platform.FromDeployment {
			u.Builds++
		}
	}
}

// DiskMB is how much an account has of what its disk quota is for: the images of its deployments, each counted once,
// its volumes and their snapshots.
func (db *DB) DiskMB(ctx context.Context, account string) (int64, error) {
	mb, err := db.diskMB(ctx, db.reader, account)
	return mb, db.explain(err)
}

func (db *DB) diskMB(ctx context.Context, q querier, account string) (int64, error) {
	images, err := list(ctx, q, scanImage, "SELECT image FROM deployments WHERE account = $1 AND "+imaged, account)
	if err != nil {
		return 0, fmt.Errorf("read images of account %s: %w", account, err)
	}
	var bytes int64
	seen := map[string]bool{}
	for _, i := range images {
		if i.Digest != "" && !seen[i.Digest] {
			seen[i.Digest] = true
			bytes += i.Size
		}
	}
	kept, err := volumesMB(ctx, q, account)
	return bytes>>20 + kept, err
}

// QuotaOf is what an account may use, and what it uses without service but.
func (db *DB) QuotaOf(ctx context.Context, account, but string) (limit, used platform.Quota, err error) {
	a, err := db.Account(ctx, account)
	if err != nil || a.Quota == (platform.Quota{}) {
		return a.Quota, used, err
	}
	u, err := db.use(ctx, account, but)
	if err == nil && a.Quota.DiskMB > 0 {
		u.DiskMB, err = db.DiskMB(ctx, account)
	}
	return a.Quota, u.Quota, err
}
